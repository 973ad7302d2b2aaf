/* SPDX-License-Identifier: MIT */
/* Owns: the program of the model check: which properties, how far, with which order weakened.
 * Called by: ctest, order_matrix.py, people. */
#include "property.h"

#include <unistd.h>

namespace model
{

property *first_property;
unsigned long executions_left;
weakening weak;

static bool is_file(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');

    return strcmp(slash == nullptr ? path : slash + 1, name) == 0;
}

rl::memory_order weakened(const char *file, const char *word, const char *operation, rl::memory_order order)
{
    if (order != weak.from || strcmp(operation, weak.operation) != 0 || strcmp(word, weak.word) != 0 || !is_file(file, weak.file))
        return order;
    weak.uses++;
    return weak.to;
}

bool is_fence_left_out(const char *file)
{
    if (!is_file(file, weak.file))
        return false;
    weak.uses++;
    return true;
}

}

using namespace model;

enum {
    EXIT_HOLDS = 0,
    EXIT_BROKEN = 1,
    EXIT_USAGE = 2,
    EXIT_INCOMPLETE = 3, /* a bounded search ran out of executions */
};

static const char usage[] =
    "usage: acap_model [--only TEXT[,TEXT]...] [--explain] [--weaken FILE LINE WORD OPERATION FROM TO] EXECUTIONS BOUND\n"
    "       acap_model --list\n"
    "BOUND: every execution with at most so many preemptions, EXECUTIONS at most; 0: EXECUTIONS random ones.\n"
    "--only: the properties whose name begins with a TEXT. --explain: tells a broken one step by step.\n"
    "--weaken: at that one place order FROM becomes TO; OPERATION fence: that fence is left out.\n"
    "Exit: 0 all hold, 1 one is broken, 2 usage, 3 EXECUTIONS were too few to try all.\n";

struct request {
    const char *only;
    bool explains;
    unsigned long execution_count;
    unsigned bound;
};

static bool parse_order(const char *text, rl::memory_order *order)
{
    static const struct {
        const char *name;
        rl::memory_order order;
    } orders[] = {{"relaxed", rl::mo_relaxed},
                  {"acquire", rl::mo_acquire},
                  {"release", rl::mo_release},
                  {"acq_rel", rl::mo_acq_rel},
                  {"seq_cst", rl::mo_seq_cst}};

    for (const auto &candidate : orders) {
        if (strcmp(candidate.name, text) == 0) {
            *order = candidate.order;
            return true;
        }
    }
    return false;
}

/* FILE LINE WORD OPERATION FROM TO */
static bool parse_weakening(char **fields)
{
    weak.file = fields[0];
    weak.line = atoi(fields[1]);
    weak.word = fields[2];
    weak.operation = fields[3];
    weak.is_fence = strcmp(weak.operation, "fence") == 0;
    return weak.line > 0 && (weak.is_fence || (parse_order(fields[4], &weak.from) && parse_order(fields[5], &weak.to)));
}

const int weaken_fields = 6;

static bool parse(int count, char **arguments, request *request)
{
    int i = 1;

    for (; i < count && strncmp(arguments[i], "--", 2) == 0; i++) {
        if (strcmp(arguments[i], "--explain") == 0)
            request->explains = true;
        else if (strcmp(arguments[i], "--only") == 0 && i + 1 < count)
            request->only = arguments[++i];
        else if (strcmp(arguments[i], "--weaken") == 0 && i + weaken_fields < count && parse_weakening(arguments + i + 1))
            i += weaken_fields;
        else
            return false;
    }
    if (count - i != 2)
        return false;
    request->execution_count = strtoul(arguments[i], nullptr, 10);
    request->bound = (unsigned)strtoul(arguments[i + 1], nullptr, 10);
    return request->execution_count > 0;
}

static int list()
{
    for (const property *p = first_property; p != nullptr; p = p->next)
        printf("%-24s %s\n", p->name, p->claim);
    return EXIT_HOLDS;
}

/* Where even one preemption leaves too many executions to try them all: so many random ones instead. */
const unsigned long random_instead = 200000;

static int run(const property *p, const request &request)
{
    const unsigned bound = request.bound < p->bound_max ? request.bound : p->bound_max;
    const bool is_instead = bound == 0 && request.bound != 0 && request.execution_count > random_instead;
    const search search = {is_instead ? random_instead : request.execution_count, bound, request.explains};
    const outcome outcome = p->put(search);

    printf("%-24s %9lu executions, ", p->name, outcome.execution_count);
    if (outcome.result != rl::test_result_success)
        printf("BROKEN: %s\n", rl::test_result_str(outcome.result));
    else if (bound == 0)
        printf("random: holds\n");
    else if (outcome.is_complete)
        printf("all with up to %u preemptions: holds\n", bound);
    else
        printf("NOT all with up to %u preemptions: holds so far\n", bound);
    fflush(stdout);
    if (outcome.result != rl::test_result_success)
        return EXIT_BROKEN;
    return outcome.is_complete ? EXIT_HOLDS : EXIT_INCOMPLETE;
}

/* texts: NULL, or separated by commas */
static bool is_asked_for(const property *p, const char *texts)
{
    bool is_found = texts == nullptr;

    for (const char *text = texts; text != nullptr && !is_found; text = strchr(text, ',')) {
        text += *text == ',' ? 1 : 0;
        is_found = strncmp(p->name, text, strcspn(text, ",")) == 0;
    }
    return is_found;
}

static int run_all(const request &request)
{
    int worst = EXIT_HOLDS;
    bool is_any = false;

    for (const property *p = first_property; p != nullptr && worst != EXIT_BROKEN; p = p->next) {
        if (!is_asked_for(p, request.only))
            continue;
        is_any = true;
        const int result = run(p, request);
        if (result != EXIT_HOLDS)
            worst = result;
    }
    if (weak.line != 0)
        printf("the weakened place was come by %lu times\n", weak.uses);
    return is_any ? worst : EXIT_USAGE;
}

int main(int count, char **arguments)
{
    request request = {nullptr, false, 0, 0};
    int result;

    if (count == 2 && strcmp(arguments[1], "--list") == 0) {
        result = list();
    } else if (parse(count, arguments, &request)) {
        result = run_all(request);
    } else {
        fputs(usage, stderr);
        result = EXIT_USAGE;
    }
    fflush(stdout);
    std::cout.flush();
    /* Relacy leaves fibers and replaced allocators behind that destructors of statics should not meet. */
    _exit(result);
}
