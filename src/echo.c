/* SPDX-License-Identifier: MIT */
/* Owns: telling what is new from what is only said again.
 * Called by: events.c, under its lock. */
#include "echo.h"

static acap__echo_text *find(acap__echo *echo, const char *text)
{
    for (uint32_t i = 0; i < echo->count; i++)
        if (strncmp(echo->texts[i].text, text, sizeof echo->texts[i].text - 1) == 0)
            return &echo->texts[i];
    return NULL;
}

static acap__echo_text *make_room(acap__echo *echo)
{
    acap__echo_text *oldest = &echo->texts[0];

    if (echo->count < ACAP__ECHO_ROOM)
        return &echo->texts[echo->count++];
    for (uint32_t i = 1; i < ACAP__ECHO_ROOM; i++)
        if (echo->texts[i].heard_ns < oldest->heard_ns)
            oldest = &echo->texts[i];
    return oldest;
}

bool acap__echo_hear(acap__echo *echo, const char *text, int64_t now_ns)
{
    acap__echo_text *known = find(echo, text);
    bool is_news = true;

    if (known != NULL) {
        is_news = now_ns - known->heard_ns >= ACAP__ECHO_NS;
    } else {
        known = make_room(echo);
        acap__copy_text(known->text, sizeof known->text, text);
    }
    known->heard_ns = now_ns;
    return is_news;
}
