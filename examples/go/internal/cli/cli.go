// SPDX-License-Identifier: MIT

// Package cli is what the programs' command lines have in common.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"acap"
)

// What a program's exit status means.
const (
	OK     = 0
	Failed = 1
	Misuse = 2
)

// A Program is one program's streams and command line.
type Program struct {
	// Flags is the command line.
	Flags *flag.FlagSet
	// Out and Err are the standard streams.
	Out, Err io.Writer

	name        string
	showVersion *bool
}

// New begins a program. usage is what follows its name, and what it does.
func New(name, operands, does string, out, errs io.Writer) *Program {
	p := &Program{Flags: flag.NewFlagSet(name, flag.ContinueOnError), Out: out, Err: errs, name: name}
	p.Flags.SetOutput(errs)
	p.showVersion = p.Flags.Bool("version", false, "print the version")
	p.Flags.Usage = func() {
		_, _ = fmt.Fprintf(errs, "Usage: %s [options] %s\n%s\n\n", name, operands, does)
		p.Flags.PrintDefaults()
	}
	return p
}

// Parse reads the command line, with so many operands. isDone: there is nothing else to do, but to exit with status.
func (p *Program) Parse(arguments []string, operandCount int) (status int, isDone bool) {
	err := p.Flags.Parse(arguments)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return OK, true
	case err != nil: // the flag package has told
		return Misuse, true
	case *p.showVersion:
		_, _ = fmt.Fprintf(p.Out, "%s with acap %s\n", p.name, acap.VersionString())
		return OK, true
	case p.Flags.NArg() != operandCount:
		p.Say("%d operands are required, not %d; -help tells more", operandCount, p.Flags.NArg())
		return Misuse, true
	}
	return OK, false
}

// Say writes a message to standard error, in one piece.
func (p *Program) Say(format string, arguments ...any) {
	_, _ = fmt.Fprintf(p.Err, "%s: %s\n", p.name, fmt.Sprintf(format, arguments...))
}

// Fail says why, and gives the exit status of a failure.
func (p *Program) Fail(err error) int {
	p.Say("%v", err)
	return Failed
}

// Device adds the option that names a device.
func (p *Program) Device(device *string) {
	p.Flags.StringVar(device, "d", "", "`device`: id or part of the name; sim:sine is simulated")
}

// Count adds an option that is a positive number.
func (p *Program) Count(value *uint32, name, usage string) {
	p.Flags.Func(name, usage, func(text string) error {
		number, err := strconv.ParseUint(text, 10, 32)
		if err != nil || number == 0 {
			return fmt.Errorf("%s is no positive number", text)
		}
		*value = uint32(number)
		return nil
	})
}

// Seconds adds the option that limits the time.
func (p *Program) Seconds(seconds *float64) {
	p.Flags.Func("t", "`seconds`: length of the file, exact to the frame", func(text string) error {
		number, err := strconv.ParseFloat(text, 64)
		if err != nil || !(number > 0 && number <= 1e9) {
			return fmt.Errorf("%s is no time in seconds", text)
		}
		*seconds = number
		return nil
	})
}

// Format adds the option that is a sample format.
func (p *Program) Format(format *acap.Format) {
	p.Flags.Func("f", "`format`: s16 (default), s24, s32, f32 or u8", func(text string) (err error) {
		*format, err = acap.ParseFormat(text)
		return err
	})
}

// FrameLimit is so many seconds in frames; at least 1, and 0 for 0.
func FrameLimit(seconds float64, sampleRateHz uint32) uint64 {
	if seconds == 0 {
		return 0
	}
	return max(uint64(math.Round(seconds*float64(sampleRateHz))), 1)
}

// OnEndSignal calls end at the first SIGINT or SIGTERM; the second one quits at once. release undoes that, and returns
// when end is not running any more.
func OnEndSignal(end func()) (release func()) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	detach := context.AfterFunc(ctx, func() {
		defer close(done)
		stop()
		end()
	})
	return func() {
		if !detach() {
			<-done
		}
		stop()
	}
}
