// SPDX-License-Identifier: MIT

package acap

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The compiler takes every number, size and offset from acap.h; that none of it was forgotten is proved here.

func readHeader(t *testing.T) string {
	t.Helper()
	directory, err := exec.Command("pkg-config", "--variable=includedir", "acap").Output()
	check(t, err)
	header, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(directory)), "acap", "acap.h"))
	check(t, err)
	return regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(string(header), "")
}

func readSources(t *testing.T, pattern string) (text string) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	check(t, err)
	for _, name := range names {
		if !strings.HasSuffix(name, "_test.go") {
			source, err := os.ReadFile(name)
			check(t, err)
			text += string(source)
		}
	}
	return text
}

func allMatches(pattern, text string) (found []string) {
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

func TestEveryFunctionIsBound(t *testing.T) {
	declared := allMatches(`ACAP_CALL\s+(acap_\w+)\(`, readHeader(t))
	called := allMatches(`\b(acap_\w+)\(`, readSources(t, "*.go")+readSources(t, "glue.c"))
	if len(declared) < 40 {
		t.Fatal(declared)
	}
	for _, name := range declared {
		if !slices.Contains(called, name) {
			t.Errorf("nobody calls %s", name)
		}
	}
}

// constants are the Go names of C constants: const Name [type] = C.ACAP_NAME.
func constants(t *testing.T) map[string]string {
	t.Helper()
	names := map[string]string{}
	files, err := filepath.Glob("*.go")
	check(t, err)
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		check(t, err)
		ast.Inspect(file, func(node ast.Node) bool {
			if spec, ok := node.(*ast.ValueSpec); ok && len(spec.Values) == 1 {
				if value, ok := spec.Values[0].(*ast.SelectorExpr); ok && value.X.(*ast.Ident).Name == "C" {
					names[value.Sel.Name] = spec.Names[0].Name
				}
			}
			return true
		})
	}
	return names
}

// goName is how a C constant is called in Go.
func goName(name string) string {
	switch name {
	case "ACAP_TIMED_OUT", "ACAP_END", "ACAP_INTERRUPTED":
		name = "ACAP_ERR_" + strings.TrimPrefix(name, "ACAP_")
	}
	name = strings.Replace(name, "ACAP_ERROR_", "ACAP_ERR_", 1)
	var words string
	for _, word := range strings.Split(strings.TrimPrefix(name, "ACAP_"), "_") {
		if !slices.Contains([]string{"S16", "S24", "S32", "F32", "U8", "ABI"}, word) {
			word = word[:1] + strings.ToLower(word[1:])
		}
		words += word
	}
	return words
}

func TestEveryConstantIsBound(t *testing.T) {
	bound := constants(t)
	declared := allMatches(`(?m)^#define (ACAP_\w+) \(?-?\d+u?\)?[ \t]*$`, readHeader(t))
	if len(declared) < 60 {
		t.Fatal(declared)
	}
	for _, name := range declared {
		if name == "ACAP_OK" { // nil
			continue
		}
		if bound[name] != goName(name) {
			t.Errorf("%s is %q in Go, not %q", name, bound[name], goName(name))
		}
	}
}

// fieldName is how a C member is called in Go; a time.Duration has no unit in its name.
func fieldName(member string, isDuration bool) string {
	if isDuration {
		member = strings.Replace(member+"_", "_ns_", "_", 1)
	}
	var words string
	for _, word := range strings.Split(strings.Trim(member, "_"), "_") {
		switch word {
		case "id", "ns", "rms", "api":
			word = strings.ToUpper(word)
		default:
			word = strings.ToUpper(word[:1]) + word[1:]
		}
		words += word
	}
	return words
}

func TestEveryMemberIsBound(t *testing.T) {
	header := readHeader(t)
	types := map[string]any{
		"acap_context_config": ContextConfig{}, "acap_event": Event{}, "acap_device_info": DeviceInfo{}, "acap_levels": Levels{},
		"acap_pool_config": PoolConfig{}, "acap_pool_stats": PoolStats{}, "acap_stream_config": StreamConfig{},
		"acap_stream_info": StreamInfo{}, "acap_stream_stats": StreamStats{}, "acap_reader_config": ReaderConfig{},
		"acap_reader_stats": ReaderStats{}, "acap_buffer": nil,
	}
	saidOtherwise := map[string]string{
		"acap_context_config.flags": "always 0", "acap_reader_config.flags": "always 0",
		"acap_levels.channel_count": "the length of the slices", "acap_stream_config.history_ns": "History",
		"acap_buffer.data": "Bytes",
	}
	declared := regexp.MustCompile(`(?s)typedef struct (acap_\w+) \{(.*?)\n\}`).FindAllStringSubmatch(header, -1)
	if len(declared) != len(types) {
		t.Errorf("%d structs, not %d", len(declared), len(types))
	}
	for _, match := range declared {
		name, isThere := match[1], false
		for _, member := range allMatches(`(\w+)(?:\[\d+\])?;`, match[2]) {
			if member == "struct_size" || strings.HasPrefix(member, "reserved") || saidOtherwise[name+"."+member] != "" {
				continue
			}
			isThere = true
			if !hasMember(types[name], member) {
				t.Errorf("%s.%s has no place in Go", name, member)
			}
		}
		if !isThere && name != "acap_context_config" {
			t.Errorf("no members of %s were found", name)
		}
	}
}

// hasMember looks for a field, or for a method of Buffer.
func hasMember(value any, member string) bool {
	if value == nil {
		_, isThere := reflect.TypeFor[*Buffer]().MethodByName(fieldName(member, false))
		return isThere
	}
	for _, field := range reflect.VisibleFields(reflect.TypeOf(value)) {
		if field.Name == fieldName(member, field.Type == reflect.TypeFor[time.Duration]()) {
			return true
		}
	}
	return false
}

func TestEachResultHasItsName(t *testing.T) {
	for name, goName := range constants(t) {
		if strings.HasPrefix(goName, "Err") {
			found := false
			for result := Result(-14); result <= 3; result++ {
				found = found || result.Name() == name
			}
			if !found {
				t.Errorf("the library knows no %s", name)
			}
		}
	}
}

func TestVersion(t *testing.T) {
	if Version() != HeaderVersion {
		t.Errorf("compiled with %#x, running with %#x", HeaderVersion, Version())
	}
	before := ClockNS()
	if Version()>>16 != 0 || !strings.HasPrefix(VersionString(), "0.1.") || ClockNS() < before {
		t.Error(VersionString())
	}
}
