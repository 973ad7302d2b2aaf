/* SPDX-License-Identifier: MIT */
/* Owns: watching JACK clients.
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

static void on_shutdown(void *user_data)
{
    acap__jack_watch *watch = user_data;

    /* release: pairs with the acquire loads below; publishes nothing but itself. */
    acap__store_release(&watch->state, (uint32_t)WATCH_DOWN);
}

void acap__jack_watch_begin(acap__jack_watch *watch)
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
    watch->client = client_open("acap-watch", JACK_NO_START_SERVER, &status);
    if (watch->client == NULL)
        return;
    acap__store_release(&watch->state, (uint32_t)WATCH_UP);
    set_on_shutdown(watch->client, on_shutdown, watch);
}

void acap__jack_watch_end(acap__jack_watch *watch)
{
    int (*client_close)(jack_client *);
    void *symbol = acap__symbol("jack_client_close");

    if (symbol == NULL || watch->client == NULL)
        return;
    memcpy(&client_close, &symbol, sizeof symbol);
    (void)client_close(watch->client);
    watch->client = NULL;
    acap__store_release(&watch->state, (uint32_t)WATCH_NONE);
}

bool acap__jack_is_down(acap__jack_watch *watch)
{
    return acap__load_acquire(&watch->state) == WATCH_DOWN;
}

bool acap__jack_is_up(acap__jack_watch *watch)
{
    return acap__load_acquire(&watch->state) == WATCH_UP;
}
