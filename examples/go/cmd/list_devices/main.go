// SPDX-License-Identifier: MIT

// Command list_devices lists the capture devices.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"acap"
	"acap/internal/cli"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(arguments []string, out, errs io.Writer) int {
	program := cli.New("acap-go-devices", "", "Lists the devices that can be captured from; * marks the default one.", out, errs)
	asJSON := program.Flags.Bool("json", false, "print JSON")
	if status, isDone := program.Parse(arguments, 0); isDone {
		return status
	}
	devices, err := list()
	if err != nil {
		return program.Fail(fmt.Errorf("the devices cannot be listed: %w", err))
	}
	switch {
	case *asJSON:
		err = printJSON(out, devices)
	case len(devices) == 0:
		_, err = fmt.Fprintln(out, "No capture device was found; simulated ones, such as sim:sine, always open.")
	default:
		err = printTable(out, devices)
	}
	if err != nil {
		return program.Fail(err)
	}
	return cli.OK
}

func list() ([]acap.DeviceInfo, error) {
	audio, err := acap.NewContext(acap.ContextConfig{})
	if err != nil {
		return nil, err
	}
	defer func() { _ = audio.Close() }()
	return audio.Devices()
}

type jsonDevice struct {
	acap.DeviceInfo
	Default  bool `json:"default"`
	Loopback bool `json:"loopback"`
	Stale    bool `json:"stale"`
}

func printJSON(out io.Writer, devices []acap.DeviceInfo) error {
	rows := make([]jsonDevice, len(devices))
	for i, device := range devices {
		rows[i] = jsonDevice{device, device.Flags&acap.DeviceDefault != 0, device.Flags&acap.DeviceLoopback != 0,
			device.Flags&acap.DeviceStale != 0}
	}
	text, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n", text)
	return err
}

// printable replaces what could harm a terminal: a device chooses its own name.
func printable(text string) string {
	return strings.Map(func(letter rune) rune {
		if unicode.IsPrint(letter) {
			return letter
		}
		return '?'
	}, text)
}

func printTable(out io.Writer, devices []acap.DeviceInfo) error {
	rows := [][3]string{{"ID", "NAME", "HOST API"}}
	for _, device := range devices {
		rows = append(rows, [3]string{printable(device.ID), printable(device.Name), printable(device.HostAPI)})
	}
	var widths [3]int
	for _, row := range rows {
		for column, text := range row {
			widths[column] = max(widths[column], utf8.RuneCountInString(text))
		}
	}
	var table strings.Builder
	fmt.Fprintf(&table, "  %s  CHANNELS    RATE  FLAGS\n", cells(rows[0], widths))
	for i, device := range devices {
		mark := ' '
		if device.Flags&acap.DeviceDefault != 0 {
			mark = '*'
		}
		line := fmt.Sprintf("%c %s  %8d  %6d  %v", mark, cells(rows[i+1], widths), device.MaxChannelCount,
			device.DefaultSampleRateHz, device.Flags&^acap.DeviceDefault)
		table.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := io.WriteString(out, table.String())
	return err
}

func cells(row [3]string, widths [3]int) string {
	return fmt.Sprintf("%-*s  %-*s  %-*s", widths[0], row[0], widths[1], row[1], widths[2], row[2])
}
