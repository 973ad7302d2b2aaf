/* SPDX-License-Identifier: MIT */
/* Owns: acap-devices, which lists the capture devices.
 * Called by: people and scripts.
 * Thread: main is the only one. */
#include "cli.h"
#include "device_table.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

static int show_help(void)
{
    puts("Usage: acap-devices [-jv]\n"
         "Lists the devices that can be captured from; * marks the default one.\n"
         "\n"
         "  -j, --json     print JSON\n"
         "  -v, --verbose  with a failure, also what the sound system itself said\n"
         "  -h, --help     print this\n"
         "  -V, --version  print the version\n"
         "\n"
         "An id opens its device: acap-record -d ID out.wav\n"
         "Environment: ACAP_BACKEND chooses the back end (portaudio or sim).");
    return CLI_OK;
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {
        { "json", no_argument, NULL, 'j' },
        { "verbose", no_argument, NULL, 'v' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { NULL, 0, NULL, 0 },
    };
    bool as_json = false;
    int option;

    cli_init("acap-devices");
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":jvhV", long_options, NULL)) != -1) {
        switch (option) {
        case 'j':
            as_json = true;
            break;
        case 'v':
            cli_tell_all();
            break;
        case 'h':
            return show_help();
        case 'V':
            printf("acap-devices %s\n", acap_version_string());
            return CLI_OK;
        default:
            return cli_bad_option(option, argv);
        }
    }
    if (optind < argc)
        return cli_misuse("unexpected argument %s", argv[optind]);
    return device_table_show(as_json);
}
