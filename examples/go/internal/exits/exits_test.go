// SPDX-License-Identifier: MIT

package exits

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

const variable = "ACAP_GO_EXIT"

func TestMain(m *testing.M) {
	if name := os.Getenv(variable); name != "" {
		Programs[name]()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Each of the programs runs in a process of its own, and ends cleanly; with -asan no memory is lost then, but what one of
// them loses on purpose.
func TestExits(t *testing.T) {
	for name := range Programs {
		t.Run(name, func(t *testing.T) {
			program := exec.Command(os.Args[0])
			program.Env = append(os.Environ(), variable+"="+name)
			output, err := program.CombinedOutput()
			if name == LosesMemory && ChecksLeaks {
				if err == nil || !strings.Contains(string(output), "12340 byte(s) leaked in 10 allocation(s)") {
					t.Errorf("the lost memory was not found: %v\n%s", err, output)
				}
				return
			}
			if err != nil || len(output) != 0 {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
	if !ChecksLeaks {
		t.Log("without -asan nobody looks for lost memory")
	}
}
