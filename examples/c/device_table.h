/* SPDX-License-Identifier: MIT */
/* Owns: how a list of devices looks: a table for people, JSON for programs.
 * Called by: list_devices.c and record.c (-l).
 * Thread: main. */
#ifndef DEVICE_TABLE_H
#define DEVICE_TABLE_H

#include <stdbool.h>

/* Asks the default back end for its devices and prints them on standard output. Returns the program's exit code. */
int device_table_show(bool as_json);

#endif
