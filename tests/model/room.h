/* SPDX-License-Identifier: MIT */
/* Owns: memory whose object is made and ended within an execution: a later access to what the checker knows of it (words, plain data) is
 * reported as an access to freed memory.
 * Used by: the properties, in place of the heap: Relacy's own would take every execution twice for each delete. */
#ifndef ACAP_TESTS_MODEL_ROOM_H
#define ACAP_TESTS_MODEL_ROOM_H

#include "model.h"

namespace model
{

template <class T> class room
{
public:
    /* Zeroed, as calloc leaves it. */
    T *make()
    {
        memset(memory, 0, sizeof memory);
        is_there = true;
        times_ended = 0;
        return ::new ((void *)memory) T();
    }
    T *get()
    {
        return (T *)memory;
    }
    void end()
    {
        RL_ASSERT(is_there);
        is_there = false;
        times_ended++;
        get()->~T();
    }
    /* Made, and ended once. */
    bool has_ended() const
    {
        return !is_there && times_ended == 1;
    }
    bool is_in_use() const
    {
        return is_there;
    }
    /* For what is meant to stay: ends it, so that the next execution begins with nothing. */
    void discard()
    {
        if (is_there)
            end();
    }

private:
    alignas(16) unsigned char memory[sizeof(T)];
    bool is_there = false;
    unsigned times_ended = 0;
};

}

#endif
