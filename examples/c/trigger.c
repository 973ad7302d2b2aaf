/* SPDX-License-Identifier: MIT */
/* Owns: the trigger: signal handlers that write into a pipe, and a terminal that hands keys over one by one.
 * Called by: record.c.
 * Thread: main; the handlers on whichever thread the signal finds. */
#define _POSIX_C_SOURCE 200809L

#include "trigger.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static int pipe_ends[2] = { -1, -1 };

static void on_signal(int number)
{
    const int saved = errno;
    const char what = number == SIGUSR1 ? 'g' : 'q';
    /* Full: somebody has said it already. */
    const ssize_t written = write(pipe_ends[1], &what, 1);

    (void)written;
    errno = saved;
}

static void handle(int number, struct sigaction *before)
{
    struct sigaction action;

    memset(&action, 0, sizeof(action));
    sigemptyset(&action.sa_mask);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigaction(number, &action, before);
}

bool trigger_prepare(void)
{
    if (pipe(pipe_ends) != 0)
        return false;
    fcntl(pipe_ends[1], F_SETFL, O_NONBLOCK);
    handle(SIGUSR1, NULL);
    return true;
}

/* Keys at once instead of lines. False: standard input is no terminal. */
static bool begin_keys(struct termios *before)
{
    struct termios keys;

    if (tcgetattr(STDIN_FILENO, before) != 0)
        return false;
    keys = *before;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    return tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
}

static bool wait_for_word(bool has_keys)
{
    struct pollfd ends[2] = { { pipe_ends[0], POLLIN, 0 }, { has_keys ? STDIN_FILENO : -1, POLLIN, 0 } };
    char what = 'q';

    while (poll(ends, 2, -1) < 0 && errno == EINTR)
        ;
    if (ends[0].revents != 0)
        return read(pipe_ends[0], &what, 1) == 1 && what == 'g';
    return read(STDIN_FILENO, &what, 1) == 1;
}

bool trigger_wait(void)
{
    struct termios terminal;
    struct sigaction interrupt;
    struct sigaction terminate;
    const bool has_keys = begin_keys(&terminal);

    handle(SIGINT, &interrupt);
    handle(SIGTERM, &terminate);
    const bool is_go = wait_for_word(has_keys);
    sigaction(SIGINT, &interrupt, NULL);
    sigaction(SIGTERM, &terminate, NULL);
    if (has_keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
    return is_go;
}
