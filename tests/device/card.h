/* SPDX-License-Identifier: MIT */
/* Owns: the virtual sound card: an ALSA plug-in that behaves as a capture card, so that the real libportaudio and the real libasound
 * capture on a machine without sound hardware. No daemon, no kernel module, no rights.
 * Used by: card_plugin.c (ALSA's side), card_config.c (its keys), card_ring.c (clock, data, faults), card_control.c (the test's side).
 *
 *     pcm_type.acapcard { lib "/absolute/path/of/the/plug-in.so" }
 *     pcm.card_a { type acapcard  channels 2  faults "48000:xrun:100 96000:gap:7" }
 *     pcm.!default { type acapcard }     # PortAudio 19.6 aborts when there is no "default"
 *
 * Keys, all optional:
 *     channels, rates            "min max", or one number
 *     formats                    "S16_LE S24_3LE S32_LE FLOAT_LE U8"
 *     access                     mmap (default), rw (PortAudio then reads instead of looking into the ring), planar
 *     start                      the first frame's counter; 1
 *     faults                     "FRAME:ACTION[:ARGUMENT] ...", FRAME counted from the first start
 *     open_error, start_error    what open and start fail with: an errno's name, such as EBUSY
 *     open_errors_after          so many opens are good before open_error applies; 0
 *
 * Actions:
 *     xrun:N     the ring overruns and N frames are gone       gap:N   N frames vanish without a word
 *     zero:N     N frames of digital silence                   stall:MS  nothing comes for so long, while the card's clock goes on
 *     hang       neither data nor a wake-up, for ever          spin    wakes without data, for ever
 *     disconnect unplugged: state DISCONNECTED, POLLERR | POLLHUP
 *     suspend    state SUSPENDED, POLLERR                      eio     every transfer fails with -EIO */
#ifndef ACAP_TESTS_DEVICE_CARD_H
#define ACAP_TESTS_DEVICE_CARD_H

#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>

#include <stdbool.h>
#include <stdint.h>

#define CARD_FAULTS_MAX 16
#define CARD_FORMATS_MAX 8
#define CARD_NAME_BYTES 64

typedef enum card_action {
    CARD_XRUN,
    CARD_GAP,
    CARD_ZERO,
    CARD_STALL,
    CARD_HANG,
    CARD_SPIN,
    CARD_DISCONNECT,
    CARD_SUSPEND,
    CARD_EIO,
    CARD_ACTIONS
} card_action;

typedef struct card_fault {
    uint64_t at_frame;
    card_action action;
    uint64_t argument;
    bool is_done;
} card_fault;

/* What the configuration says. */
typedef struct card_config {
    unsigned channels_min, channels_max;
    unsigned rate_min_hz, rate_max_hz;
    unsigned formats[CARD_FORMATS_MAX];
    unsigned format_count;
    unsigned accesses[4];
    unsigned access_count;
    uint32_t start;
    int open_error;
    int start_error;
    unsigned open_errors_after;
    card_fault faults[CARD_FAULTS_MAX];
    unsigned fault_count;
} card_config;

/* An open card. All of it belongs to whoever holds ALSA's lock of the PCM. */
typedef struct card {
    snd_pcm_ioplug_t io;
    card_config config;
    char name[CARD_NAME_BYTES];
    int timer_fd;
    snd_pcm_uframes_t boundary;
    snd_pcm_uframes_t wake_frames;
    uint32_t format; /* ACAP_FORMAT_* of what was negotiated */

    uint32_t counter;        /* of the frame that comes next */
    uint64_t produced;       /* frames made since the first start, those that were lost included */
    uint64_t produced_base;  /* produced at the last start */
    uint64_t ring_frames;    /* frames put into the ring since the last prepare: the hardware pointer */
    int64_t started_ns;      /* the card's clock stood at produced_base */
    int64_t stalled_until_ns;
    uint64_t zero_left;
    bool hangs;
    bool spins;
    bool fails_transfers;
    unsigned short gone_events; /* poll events of a card that is gone; 0: it is there */
} card;

/* card_config.c. False: an unknown key, action or word, and config is unusable. */
bool card_config_read(card_config *config, snd_config_t *tree);
bool card_fault_parse(const char *text, card_fault *fault);

/* card_ring.c. A negative result is an overrun. */
int64_t card_clock_ns(void);
int card_advance(card *c);
uint64_t card_unread(const card *c);
bool card_is_silent_now(const card *c, int64_t now_ns);
void card_arm_timer(card *c, int64_t now_ns);
void card_disarm_timer(card *c);

/* card_control.c: what a test asks of a card while it runs. Each card is addressed by its PCM's name. */
int card_control_open_error(const char *name, const card_config *config);
bool card_control_take_fault(const char *name, card_fault *fault);
void card_control_publish(const char *name, uint64_t produced);

/* For tests, which find them with dlsym in the plug-in's file. 0: done; -1: no such action, or too many names. */
int card_inject(const char *name, const char *action);
int card_set_open_error(const char *name, int error);
uint64_t card_frames_produced(const char *name);

#endif
