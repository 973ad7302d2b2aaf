/* SPDX-License-Identifier: MIT */
/* Owns: the addon's beginning and end in an environment, and the list of what JavaScript can call.
 * Called by: Node.js, once for the main thread and once for each Worker that loads the addon. */
#include "addon.h"

#include <stdlib.h>
#include <string.h>

#define PROPERTY(name, function) { name, NULL, function, NULL, NULL, NULL, napi_enumerable, NULL }

addon *addon_of(napi_env env)
{
    void *data = NULL;
    napi_get_instance_data(env, &data);
    return data;
}

void addon_retain(addon *owner)
{
    owner->references++;
}

void addon_release(addon *owner)
{
    if (--owner->references > 0)
        return;
    free(owner->holds);
    free(owner->hold_next);
    free(owner);
}

/* ---- what has no object ---- */

static napi_value result_name(napi_env env, napi_callback_info info)
{
    napi_value value = NULL, text = NULL;
    int32_t result = 0;
    if (get_arguments(env, info, 1, &value) && napi_get_value_int32(env, value, &result) == napi_ok)
        napi_create_string_utf8(env, acap_result_name(result), NAPI_AUTO_LENGTH, &text);
    return text;
}

static napi_value result_text(napi_env env, napi_callback_info info)
{
    napi_value value = NULL, text = NULL;
    int32_t result = 0;
    if (get_arguments(env, info, 1, &value) && napi_get_value_int32(env, value, &result) == napi_ok)
        napi_create_string_utf8(env, acap_result_text(result), NAPI_AUTO_LENGTH, &text);
    return text;
}

static napi_value version(napi_env env, napi_callback_info info)
{
    (void)info;
    return make_u32(env, acap_version());
}

static napi_value version_string(napi_env env, napi_callback_info info)
{
    napi_value text = NULL;
    (void)info;
    napi_create_string_utf8(env, acap_version_string(), NAPI_AUTO_LENGTH, &text);
    return text;
}

static napi_value clock_ns(napi_env env, napi_callback_info info)
{
    napi_value value = NULL;
    (void)info;
    napi_create_bigint_int64(env, acap_clock_ns(), &value);
    return value;
}

static napi_value format_bytes(napi_env env, napi_callback_info info)
{
    napi_value value = NULL;
    uint32_t format = 0;
    if (!get_arguments(env, info, 1, &value) || !get_u32(env, value, "format", &format))
        return NULL;
    return make_u32(env, acap_format_bytes(format));
}

static napi_value buffers_held(napi_env env, napi_callback_info info)
{
    (void)info;
    return make_u32(env, addon_of(env)->buffers_held);
}

/* ---- the beginning ---- */

/* AcapError, and the ArrayBuffer in which buffers' headers are handed over. */
static napi_value connect(napi_env env, napi_callback_info info)
{
    addon *owner = addon_of(env);
    napi_value arguments[2] = { NULL, NULL };
    void *data = NULL;
    size_t size = 0;
    if (!get_arguments(env, info, 2, arguments))
        return NULL;
    if (owner->error_class != NULL || napi_get_arraybuffer_info(env, arguments[1], &data, &size) != napi_ok ||
        size < sizeof(header_view) || napi_create_reference(env, arguments[0], 1, &owner->error_class) != napi_ok ||
        napi_create_reference(env, arguments[1], 1, &owner->header_reference) != napi_ok) {
        napi_throw_error(env, "ERR_ACAP_INTERNAL", "the addon and its JavaScript do not fit");
        return NULL;
    }
    owner->header = data;
    return NULL;
}

/* ---- the end ---- */

/* Runs before the finalizers, which come in any order. */
static void on_ending(napi_async_cleanup_hook_handle cleanup, void *data)
{
    addon *owner = data;
    owner->is_ending = true;
    waiters_close_all(owner);
    handover_end(owner);
    if (owner->async_context != NULL)
        napi_async_destroy(owner->env, owner->async_context);
    owner->async_context = NULL;
    if (owner->polls_open == 0) {
        owner->cleanup = NULL;
        napi_remove_async_cleanup_hook(cleanup);
    }
}

static void on_ended(napi_env env, void *data, void *hint)
{
    addon *owner = data;
    (void)hint;
    if (owner->error_class != NULL)
        napi_delete_reference(env, owner->error_class);
    if (owner->header_reference != NULL)
        napi_delete_reference(env, owner->header_reference);
    owner->error_class = NULL;
    owner->header_reference = NULL;
    addon_release(owner);
}

/* ---- the list ---- */

static const napi_property_descriptor properties[] = {
    PROPERTY("bufferIsWritable", buffer_is_writable_js),
    PROPERTY("bufferMeasure", buffer_measure_js),
    PROPERTY("bufferReferenceCount", buffer_reference_count_js),
    PROPERTY("bufferRelease", buffer_release_js),
    PROPERTY("bufferRetain", buffer_retain_js),
    PROPERTY("buffersHeld", buffers_held),
    PROPERTY("clockNs", clock_ns),
    PROPERTY("close", handle_close_js),
    PROPERTY("connect", connect),
    PROPERTY("contextCheckSupported", context_check_supported),
    PROPERTY("contextCreate", context_create),
    PROPERTY("contextDevices", context_devices),
    PROPERTY("contextInterrupt", context_interrupt),
    PROPERTY("contextNextEvent", context_next_event),
    PROPERTY("contextOpenStream", context_open_stream),
    PROPERTY("formatBytes", format_bytes),
    PROPERTY("isClosed", handle_is_closed_js),
    PROPERTY("layout", values_layout),
    PROPERTY("poolAcquire", pool_acquire),
    PROPERTY("poolCreate", pool_create),
    PROPERTY("poolRetain", pool_retain),
    PROPERTY("poolStats", pool_stats),
    PROPERTY("readerBorrow", reader_borrow),
    PROPERTY("readerEnd", reader_end),
    PROPERTY("readerHandOver", reader_hand_over),
    PROPERTY("readerInterrupt", reader_interrupt),
    PROPERTY("readerStats", reader_stats),
    PROPERTY("readerTakeOver", reader_take_over),
    PROPERTY("resultName", result_name),
    PROPERTY("resultText", result_text),
    PROPERTY("streamInfo", stream_info),
    PROPERTY("streamOpenReader", stream_open_reader),
    PROPERTY("streamPool", stream_pool),
    PROPERTY("streamPush", stream_push),
    PROPERTY("streamPushLost", stream_push_lost),
    PROPERTY("streamSimAdvance", stream_sim_advance),
    PROPERTY("streamStart", stream_start),
    PROPERTY("streamStats", stream_stats),
    PROPERTY("streamStop", stream_stop),
    PROPERTY("version", version),
    PROPERTY("versionString", version_string),
    PROPERTY("waitKeepAlive", wait_keep_alive),
    PROPERTY("waitStart", wait_start),
    PROPERTY("waitStop", wait_stop),
};

static bool begin(napi_env env, addon *owner)
{
    napi_value name = NULL;
    owner->env = env;
    owner->references = 1;
    if (napi_set_instance_data(env, owner, on_ended, NULL) != napi_ok) {
        addon_release(owner);
        return false;
    }
    napi_create_string_utf8(env, "acap.wait", NAPI_AUTO_LENGTH, &name);
    return napi_async_init(env, NULL, name, &owner->async_context) == napi_ok &&
           napi_add_async_cleanup_hook(env, on_ending, owner, &owner->cleanup) == napi_ok;
}

static void set_external(napi_env env, napi_value exports, addon *owner)
{
    /* For tests of what Electron does: as if the runtime had refused. */
    const char *wish = getenv("ACAP_NODE_NO_EXTERNAL");
    napi_value answer = NULL;
    owner->forbids_external = (wish != NULL && strcmp(wish, "1") == 0) || !buffer_probe_external(env);
    napi_get_boolean(env, !owner->forbids_external, &answer);
    napi_set_named_property(env, exports, "externalBuffers", answer);
}

NAPI_MODULE_INIT()
{
    /* A library of another major version, or one that lacks what this was built with. */
    if (acap_version() >> 16 != ACAP_VERSION >> 16 || acap_version() >> 8 < ACAP_VERSION >> 8) {
        napi_throw_error(env, "ERR_ACAP_VERSION", "the acap library does not fit the one that this addon was built with");
        return NULL;
    }
    addon *owner = calloc(1, sizeof *owner);
    if (owner == NULL || !begin(env, owner)) {
        napi_throw_error(env, "ERR_ACAP_INTERNAL", "the addon could not be set up in this environment");
        return NULL;
    }
    napi_define_properties(env, exports, sizeof properties / sizeof properties[0], properties);
    set_external(env, exports, owner);
    return exports;
}
