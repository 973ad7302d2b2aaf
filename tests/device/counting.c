/* SPDX-License-Identifier: MIT */
/* Owns: the arithmetic of the counting signal.
 * Used by: the virtual card, the feeders of the sound servers and every test that checks what came out.
 * Runs on: any thread, the audio thread of the card included; touches nothing but its arguments. */
#include "counting.h"

#include <stddef.h>
#include <string.h>

#define F32_STEPS 16777216u /* every step of 2^-23 in [-1, 1) is exact in a float */

typedef struct trait {
    const char *word;
    uint32_t format;
    uint32_t bytes;
    uint32_t modulus;
    uint32_t channel_step;
} trait;

static const trait traits[] = {
    { "s16", ACAP_FORMAT_S16, 2, 0x10000u, 0x1111u },
    { "s24", ACAP_FORMAT_S24, 3, 0x1000000u, 0x010101u },
    { "s32", ACAP_FORMAT_S32, 4, 0x1000000u, 0 },
    { "f32", ACAP_FORMAT_F32, 4, F32_STEPS, 0x010101u },
    { "u8", ACAP_FORMAT_U8, 1, 0x100u, 17 },
};

static const trait *trait_of(uint32_t format)
{
    for (size_t i = 0; i < sizeof traits / sizeof traits[0]; i++) {
        if (traits[i].format == format)
            return &traits[i];
    }
    return NULL;
}

static uint32_t float_bits(uint32_t step)
{
    const float value = (float)((int32_t)step - (int32_t)(F32_STEPS / 2)) / (float)(F32_STEPS / 2);
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* The step of a float; F32_STEPS, which no counter reaches, when the float is none of the signal's values. */
static uint32_t float_step(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    const double step = (double)value * (F32_STEPS / 2) + F32_STEPS / 2;
    if (!(step >= 0 && step < F32_STEPS) || (double)(uint32_t)step != step)
        return F32_STEPS;
    return (uint32_t)step;
}

uint32_t counting_sample_bits(uint32_t format, uint32_t counter, uint32_t channel)
{
    const trait *t = trait_of(format);

    if (t == NULL)
        return 0;
    if (format == ACAP_FORMAT_S32)
        return counter << 8 | channel;
    const uint32_t step = (counter + channel * t->channel_step) & (t->modulus - 1);
    return format == ACAP_FORMAT_F32 ? float_bits(step) : step;
}

/* Three bytes have no integer type of their own: native endian by hand. */
static void store(uint32_t bits, uint32_t bytes, unsigned char *out)
{
    const uint32_t one = 1;
    const bool little = *(const unsigned char *)&one == 1;

    for (uint32_t i = 0; i < bytes; i++)
        out[i] = (unsigned char)(bits >> 8 * (little ? i : bytes - 1 - i));
}

static uint32_t load(const unsigned char *in, uint32_t bytes)
{
    const uint32_t one = 1;
    const bool little = *(const unsigned char *)&one == 1;
    uint32_t bits = 0;

    for (uint32_t i = 0; i < bytes; i++)
        bits |= (uint32_t)in[i] << 8 * (little ? i : bytes - 1 - i);
    return bits;
}

void counting_write(uint32_t format, uint32_t counter, uint32_t channel, void *sample)
{
    store(counting_sample_bits(format, counter, channel), counting_bytes(format), sample);
}

bool counting_matches(uint32_t format, uint32_t counter, uint32_t channel, const void *sample)
{
    return load(sample, counting_bytes(format)) == counting_sample_bits(format, counter, channel);
}

uint32_t counting_read(uint32_t format, const void *sample)
{
    const uint32_t bits = load(sample, counting_bytes(format));

    if (format == ACAP_FORMAT_F32)
        return float_step(bits);
    return format == ACAP_FORMAT_S32 ? bits >> 8 : bits;
}

uint32_t counting_modulus(uint32_t format)
{
    const trait *t = trait_of(format);

    return t == NULL ? 0 : t->modulus;
}

uint32_t counting_bytes(uint32_t format)
{
    const trait *t = trait_of(format);

    return t == NULL ? 0 : t->bytes;
}

uint32_t counting_format_of(const char *word)
{
    for (size_t i = 0; i < sizeof traits / sizeof traits[0]; i++) {
        if (strcmp(traits[i].word, word) == 0)
            return traits[i].format;
    }
    return 0;
}
