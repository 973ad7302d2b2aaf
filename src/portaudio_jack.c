/* SPDX-License-Identifier: MIT */
/* Owns: a watching JACK client.
 * Called by: backend_portaudio.c on the host thread; on_shutdown by libjack, on a thread of libjack's. */
#include "portaudio_jack.h"

#include "os.h"

#include <string.h>

/* libjack's, as in jack/jack.h; found at run time, since PortAudio may be built without JACK. */
#define JACK_NO_START_SERVER 1
typedef struct jack_client jack_client;

enum {
    WATCH_NONE,
    WATCH_UP,
    WATCH_DOWN
};

static acap__u32 watch;
static jack_client *watcher;

static void on_shutdown(void *unused)
{
    (void)unused;
    /* release: pairs with the acquire loads below; publishes nothing but itself. */
    acap__store_release(&watch, (uint32_t)WATCH_DOWN);
}

void acap__jack_watch_begin(void)
{
    jack_client *(*client_open)(const char *, int, int *, ...);
    void (*set_on_shutdown)(jack_client *, void (*)(void *), void *);
    void *open_symbol = acap__symbol("jack_client_open");
    void *shutdown_symbol = acap__symbol("jack_on_shutdown");
    int status = 0;

    if (open_symbol == NULL || shutdown_symbol == NULL)
        return;
    memcpy(&client_open, &open_symbol, sizeof open_symbol);
    memcpy(&set_on_shutdown, &shutdown_symbol, sizeof shutdown_symbol);
    watcher = client_open("acap-watch", JACK_NO_START_SERVER, &status);
    if (watcher == NULL)
        return;
    acap__store_release(&watch, (uint32_t)WATCH_UP);
    set_on_shutdown(watcher, on_shutdown, NULL);
}

void acap__jack_watch_end(void)
{
    int (*client_close)(jack_client *);
    void *symbol = acap__symbol("jack_client_close");

    if (symbol == NULL || watcher == NULL)
        return;
    memcpy(&client_close, &symbol, sizeof symbol);
    (void)client_close(watcher);
    watcher = NULL;
    acap__store_release(&watch, (uint32_t)WATCH_NONE);
}

bool acap__jack_is_down(void)
{
    return acap__load_acquire(&watch) == WATCH_DOWN;
}

bool acap__jack_is_up(void)
{
    return acap__load_acquire(&watch) == WATCH_UP;
}
