/* SPDX-License-Identifier: MIT */
/* Owns: a JACK client "acap_source" that plays the counting signal on its output ports, one channel each, until SIGTERM.
 * Run by: rig_jack.sh: jack_source SERVER CHANNELS. Writes "ready" when its ports play.
 * Runs on: JACK's process thread (play) and the main thread, which waits. */
#include "counting.h"

#include <jack/jack.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define CHANNELS_MAX 16u

typedef struct source {
    jack_port_t *ports[CHANNELS_MAX];
    uint32_t channel_count;
    uint32_t counter;
} source;

static int play(jack_nframes_t frame_count, void *argument)
{
    source *s = argument;

    for (uint32_t channel = 0; channel < s->channel_count; channel++) {
        float *out = jack_port_get_buffer(s->ports[channel], frame_count);
        for (jack_nframes_t i = 0; i < frame_count; i++)
            counting_write(ACAP_FORMAT_F32, s->counter + i, channel, &out[i]);
    }
    s->counter += frame_count;
    return 0;
}

static int register_ports(source *s, jack_client_t *client)
{
    for (uint32_t channel = 0; channel < s->channel_count; channel++) {
        char name[16];
        snprintf(name, sizeof name, "out_%u", channel + 1);
        s->ports[channel] = jack_port_register(client, name, JACK_DEFAULT_AUDIO_TYPE, JackPortIsOutput, 0);
        if (s->ports[channel] == NULL)
            return -1;
    }
    return 0;
}

static void wait_for_signal(void)
{
    sigset_t set;
    int number;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigwait(&set, &number);
}

/* Before JACK makes its threads, so that they inherit it. */
static void block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

int main(int argument_count, char **arguments)
{
    source s = { .channel_count = argument_count == 3 ? (uint32_t)strtoul(arguments[2], NULL, 10) : 0, .counter = 1 };

    if (s.channel_count == 0 || s.channel_count > CHANNELS_MAX) {
        fprintf(stderr, "usage: jack_source SERVER CHANNELS\n");
        return 2;
    }
    block_signals();
    jack_client_t *client = jack_client_open("acap_source", JackNoStartServer | JackServerName, NULL, arguments[1]);
    if (client == NULL || register_ports(&s, client) != 0)
        return EXIT_FAILURE;
    jack_set_process_callback(client, play, &s);
    if (jack_activate(client) != 0)
        return EXIT_FAILURE;
    puts("ready");
    fflush(stdout);
    wait_for_signal();
    jack_client_close(client);
    return EXIT_SUCCESS;
}
