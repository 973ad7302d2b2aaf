/* SPDX-License-Identifier: MIT */
/* Owns: the list of properties and the way each is put to Relacy.
 * Used by: the files of the properties, which add theirs; main.cpp, which runs them. */
#ifndef ACAP_TESTS_MODEL_PROPERTY_H
#define ACAP_TESTS_MODEL_PROPERTY_H

#include "model.h"

namespace model
{

struct search {
    unsigned long execution_count; /* random: how many; bounded: at most so many */
    unsigned bound;                /* preemptions in an execution; 0: random */
    bool explains;                 /* tell the whole failing execution */
};

struct outcome {
    rl::test_result_e result;
    unsigned long execution_count;
    bool is_complete; /* bounded: there is no further execution with so few preemptions */
};

struct property {
    const char *name;
    const char *claim;
    unsigned bound_max; /* what can be exhausted in reasonable time */
    outcome (*put)(const search &search);
    property *next;
};

extern property *first_property;
extern unsigned long executions_left;

/* At the beginning of each execution: ends a bounded search that has no execution left. */
inline void count_execution()
{
    if (executions_left == 0)
        rl::ctx().rl_until("out of executions", $);
    else
        executions_left--;
}

template <class Suite> struct counted : Suite {
    /* Written out: a suite that had none would be zeroed as a whole for every execution. */
    counted()
    {
    }
    void before()
    {
        count_execution();
        Suite::before();
    }
};

template <class Suite, class Scheduler> outcome put_with(rl::test_params &params, const search &search)
{
    rl::ostringstream state;
    rl::ostringstream ignored;

    executions_left = search.execution_count;
    const rl::test_result_e result = rl::run_test<counted<Suite>, Scheduler>(params, state, false);
    const bool is_cut = result == rl::test_result_until_condition_hit;
    const outcome outcome = {is_cut ? rl::test_result_success : result, (unsigned long)params.stop_iteration, !is_cut};

    if (result != rl::test_result_success && !is_cut && search.explains) {
        params.initial_state = state.str();
        params.collect_history = true;
        executions_left = search.execution_count;
        (void)rl::run_test<counted<Suite>, Scheduler>(params, ignored, true);
    }
    return outcome;
}

template <class Suite> outcome put(const search &search)
{
    const int threads = Suite::params::thread_count;
    static std::ofstream nowhere;
    rl::test_params params;

    params.iteration_count = search.execution_count;
    params.execution_depth_limit = 5000;
    params.context_bound = search.bound;
    params.output_stream = search.explains ? &std::cout : (std::ostream *)&nowhere;
    params.progress_stream = &nowhere;
    return search.bound == 0 ? put_with<Suite, rl::random_scheduler<threads> >(params, search)
                             : put_with<Suite, rl::context_bound_scheduler<threads> >(params, search);
}

/* Define one for each property, at file scope. */
template <class Suite> struct add_property : property {
    add_property(const char *name_, const char *claim_, unsigned bound_max_)
    {
        property **last = &first_property;

        name = name_;
        claim = claim_;
        bound_max = bound_max_;
        put = &model::put<Suite>;
        next = nullptr;
        while (*last != nullptr)
            last = &(*last)->next;
        *last = this;
    }
};

}

#endif
