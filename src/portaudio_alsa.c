/* SPDX-License-Identifier: MIT */
/* Owns: questions to alsa-lib behind PortAudio's back.
 * Called by: backend_portaudio.c and portaudio_catalog.c, on the host thread.
 * alsa-lib is not linked: PortAudio brings it or does not, and its functions are looked up at run time. */
#include "portaudio_alsa.h"

#include "os.h"
#include "portaudio_choice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUSY_TRIES 34
#define BUSY_PAUSE_NS (10 * ACAP__NS_PER_MS)

/* As in alsa/pcm.h, whose numbers are ABI. */
typedef struct snd_pcm snd_pcm;
typedef struct snd_pcm_hw_params snd_pcm_hw_params;
#define STREAM_CAPTURE 1
#define MODE_NONBLOCK 1
#define ACCESS_MMAP_INTERLEAVED 0
#define ACCESS_MMAP_NONINTERLEAVED 1
#define FORMAT_U8 1
#define FORMAT_S16_LE 2
#define FORMAT_S16_BE 3
#define FORMAT_S32_LE 10
#define FORMAT_S32_BE 11
#define FORMAT_FLOAT_LE 14
#define FORMAT_FLOAT_BE 15
#define FORMAT_S24_3LE 32
#define FORMAT_S24_3BE 33

struct alsa {
    int (*open)(snd_pcm **, const char *, int, int);
    int (*close)(snd_pcm *);
    const char *(*strerror)(int);
    int (*params_malloc)(snd_pcm_hw_params **);
    void (*params_free)(snd_pcm_hw_params *);
    int (*params_any)(snd_pcm *, snd_pcm_hw_params *);
    int (*test_access)(snd_pcm *, snd_pcm_hw_params *, int);
    int (*test_format)(snd_pcm *, snd_pcm_hw_params *, int);
    int (*test_rate)(snd_pcm *, snd_pcm_hw_params *, unsigned int, int);
};

static bool find(const char *name, void *function)
{
    void *symbol = acap__symbol(name);

    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static bool find_alsa(struct alsa *alsa)
{
    return find("snd_pcm_open", &alsa->open) && find("snd_pcm_close", &alsa->close) && find("snd_strerror", &alsa->strerror) &&
           find("snd_pcm_hw_params_malloc", &alsa->params_malloc) && find("snd_pcm_hw_params_free", &alsa->params_free) &&
           find("snd_pcm_hw_params_any", &alsa->params_any) && find("snd_pcm_hw_params_test_access", &alsa->test_access) &&
           find("snd_pcm_hw_params_test_format", &alsa->test_format) && find("snd_pcm_hw_params_test_rate", &alsa->test_rate);
}

static bool is_little_endian(void)
{
    const uint16_t one = 1;
    unsigned char first;

    memcpy(&first, &one, 1);
    return first == 1;
}

static uint32_t natural_formats(const struct alsa *alsa, snd_pcm *pcm, snd_pcm_hw_params *params)
{
    static const struct {
        uint32_t format;
        int little;
        int big;
    } formats[] = {
        {ACAP_FORMAT_S16, FORMAT_S16_LE, FORMAT_S16_BE},     {ACAP_FORMAT_S24, FORMAT_S24_3LE, FORMAT_S24_3BE},
        {ACAP_FORMAT_S32, FORMAT_S32_LE, FORMAT_S32_BE},     {ACAP_FORMAT_F32, FORMAT_FLOAT_LE, FORMAT_FLOAT_BE},
        {ACAP_FORMAT_U8, FORMAT_U8, FORMAT_U8},
    };
    uint32_t found = 0;

    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (alsa->test_format(pcm, params, is_little_endian() ? formats[i].little : formats[i].big) == 0)
            found |= 1u << formats[i].format;
    return found;
}

static void ask_open(const struct alsa *alsa, snd_pcm *pcm, acap__alsa_nature *nature)
{
    snd_pcm_hw_params *params = NULL;

    if (alsa->params_malloc(&params) < 0)
        return;
    if (alsa->params_any(pcm, params) >= 0) {
        nature->formats = natural_formats(alsa, pcm, params);
        nature->is_planar = alsa->test_access(pcm, params, ACCESS_MMAP_INTERLEAVED) != 0 &&
                            alsa->test_access(pcm, params, ACCESS_MMAP_NONINTERLEAVED) == 0;
        for (uint32_t i = 0; i < ACAP__USUAL_RATES; i++)
            if (alsa->test_rate(pcm, params, acap__usual_rates_hz[i], 0) == 0)
                nature->rates |= 1u << i;
    }
    alsa->params_free(params);
}

bool acap__alsa_ask(const char *name, acap__alsa_nature *nature)
{
    struct alsa alsa;
    snd_pcm *pcm = NULL;

    memset(nature, 0, sizeof *nature);
    if (!find_alsa(&alsa))
        return false;
    nature->error = alsa.open(&pcm, name, STREAM_CAPTURE, MODE_NONBLOCK);
    for (int i = 1; nature->error == -EBUSY && i < BUSY_TRIES; i++) {
        acap__sleep_until(acap_clock_ns() + BUSY_PAUSE_NS);
        nature->error = alsa.open(&pcm, name, STREAM_CAPTURE, MODE_NONBLOCK);
    }
    if (nature->error < 0) {
        (void)snprintf(nature->text, sizeof nature->text, "%s", alsa.strerror(nature->error));
        return true;
    }
    nature->error = 0;
    ask_open(&alsa, pcm, nature);
    (void)alsa.close(pcm);
    return true;
}

/* "prefix:CARD,DEVICE" with both in digits and prefix "hw" or "plughw". */
static bool parse_numbered(const char *pcm, size_t *prefix_length, unsigned int *card, unsigned int *device)
{
    const char *colon = strchr(pcm, ':');
    int used = -1;

    if (colon == NULL || !(strncmp(pcm, "hw:", 3) == 0 || strncmp(pcm, "plughw:", 7) == 0))
        return false;
    *prefix_length = (size_t)(colon - pcm);
    return sscanf(colon, ":%3u,%3u%n", card, device, &used) == 2 && used >= 0 && colon[used] == '\0';
}

void acap__alsa_pcm_name(const char *shown, char pcm[ACAP__ALSA_NAME_BYTES])
{
    const char *open = strrchr(shown, '(');
    const size_t length = open == NULL ? 0 : strlen(open);
    size_t prefix_length;
    unsigned int card;
    unsigned int device;

    (void)snprintf(pcm, ACAP__ALSA_NAME_BYTES, "%s", shown);
    if (length < 3 || length >= ACAP__ALSA_NAME_BYTES || open[length - 1] != ')')
        return;
    (void)snprintf(pcm, ACAP__ALSA_NAME_BYTES, "%.*s", (int)(length - 2), open + 1);
    if (!parse_numbered(pcm, &prefix_length, &card, &device))
        (void)snprintf(pcm, ACAP__ALSA_NAME_BYTES, "%s", shown);
}

static bool read_card_id(const char *cards, unsigned int card, char id[64])
{
    char path[256];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/card%u/id", cards, card);
    file = fopen(path, "re");
    if (file == NULL)
        return false;
    const bool is_read = fgets(id, 64, file) != NULL;
    (void)fclose(file);
    if (is_read)
        id[strcspn(id, "\n")] = '\0';
    return is_read && id[0] != '\0';
}

void acap__alsa_stable_name(const char *pcm, const char *cards, char name[ACAP__ALSA_NAME_BYTES])
{
    size_t prefix_length;
    unsigned int card;
    unsigned int device;
    char id[64];

    if (parse_numbered(pcm, &prefix_length, &card, &device) && read_card_id(cards, card, id))
        (void)snprintf(name, ACAP__ALSA_NAME_BYTES, "%.*s:CARD=%s,DEV=%u", (int)prefix_length, pcm, id, device);
    else
        (void)snprintf(name, ACAP__ALSA_NAME_BYTES, "%s", pcm);
}
