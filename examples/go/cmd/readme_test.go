// SPDX-License-Identifier: MIT

package cmd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// The README's programs run as they stand, in a module that has a copy of this one.
func TestREADME(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	here, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	programs := regexp.MustCompile("(?s)```go\n(package main.*?)```").FindAllSubmatch(readme, -1)
	if len(programs) < 2 {
		t.Fatal("the README has no programs")
	}
	for i, program := range programs {
		t.Run(fmt.Sprint(i+1), func(t *testing.T) {
			directory := t.TempDir()
			module := fmt.Sprintf("module program\n\ngo 1.24\n\nrequire acap v0.0.0\n\nreplace acap => %q\n", here)
			for name, content := range map[string]string{"go.mod": module, "main.go": string(program[1])} {
				if err := os.WriteFile(filepath.Join(directory, name), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, arguments := range [][]string{{"vet", "."}, {"run", "."}} {
				command := exec.Command("go", arguments...)
				command.Dir = directory
				command.Env = append(os.Environ(), "ACAP_BACKEND=sim", "GOWORK=off")
				output, err := command.CombinedOutput()
				if err != nil || arguments[0] == "run" && len(output) == 0 {
					t.Errorf("%v\n%s", err, output)
				}
				t.Logf("%s", output)
			}
		})
	}
}
