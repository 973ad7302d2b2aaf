# SPDX-License-Identifier: MIT
# Owns: turning the public header into the C tables that abi_table.h declares. The compiler then says what it made of it.
# Called by: the build, as make_table.py include/acap/acap.h > abi_table.c
import sys

import public_header


def c_string(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def write_constants(header, out):
    out.append("const abi_constant abi_constants[] = {")
    for name in header.constants:
        out.append("    {%s, (long long)(%s), ABI_TYPE_OF(%s)}," % (c_string(name), name, name))
    out.append("};")
    out.append("const size_t abi_constant_count = sizeof abi_constants / sizeof abi_constants[0];")
    out.append("")


def write_members(name, members, out):
    out.append("static const abi_member members_of_%s[] = {" % name)
    for member in members:
        row = "    {%s, %s, offsetof(%s, %s), sizeof(((%s *)0)->%s)}," % (
            c_string(member.name), c_string(member.type_text), name, member.name, name, member.name)
        out.extend(["#if UINTPTR_MAX == 0xffffffffu", row, "#endif"] if member.only_32_bit else [row])
    out.append("};")


def write_structs(header, out):
    for name, members in header.structs.items():
        write_members(name, members, out)
    out.append("")
    for initializer in header.initializers:
        out.append("static const %s made_by_%s = %s;" % (header.struct_of_initializer(initializer), initializer, initializer))
    out.append("")
    out.append("const abi_struct abi_structs[] = {")
    for name in header.structs:
        initializer = name.upper() + "_INIT"
        made = "&made_by_" + initializer if initializer in header.initializers else "NULL"
        out.append("    {%s, sizeof(%s), _Alignof(%s), members_of_%s, sizeof members_of_%s / sizeof members_of_%s[0], %s},"
                   % (c_string(name), name, name, name, name, name, made))
    out.append("};")
    out.append("const size_t abi_struct_count = sizeof abi_structs / sizeof abi_structs[0];")
    out.append("")


def write_names(array, names, out):
    out.append("const char *const %ss[] = {" % array)
    out.extend("    %s," % c_string(name) for name in names)
    out.append("};")
    out.append("const size_t %s_count = sizeof %ss / sizeof %ss[0];" % (array, array, array))
    out.append("")


def main():
    header = public_header.read(sys.argv[1])
    out = ["/* SPDX-License-Identifier: MIT */", "/* Made by make_table.py from the public header. */", '#include "abi_table.h"', ""]
    write_constants(header, out)
    write_structs(header, out)
    write_names("abi_function", [function.prototype() for function in header.functions], out)
    write_names("abi_handle", header.handles, out)
    write_names("abi_result", header.results(), out)
    sys.stdout.write("\n".join(out[:-1]) + "\n")


main()
