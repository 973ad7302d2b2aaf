/* SPDX-License-Identifier: MIT */
/* Owns: results of the library as JavaScript errors.
 * Called by: the other files, on the environment's thread. */
#include "addon.h"

#include <stdio.h>

napi_value make_error(napi_env env, acap_result result, const char *code, const char *text)
{
    napi_value error_class = NULL, error = NULL, arguments[3] = { NULL, NULL, NULL };
    const char *words = text != NULL && text[0] != '\0' ? text : acap_result_text(result);
    napi_create_int32(env, result, &arguments[0]);
    napi_create_string_utf8(env, code != NULL ? code : acap_result_name(result), NAPI_AUTO_LENGTH, &arguments[1]);
    napi_create_string_utf8(env, words, NAPI_AUTO_LENGTH, &arguments[2]);
    napi_get_reference_value(env, addon_of(env)->error_class, &error_class);
    napi_new_instance(env, error_class, 3, arguments, &error);
    return error;
}

/* The library notes a text for its own failures; not for what must also work in a signal handler. */
bool result_has_text(acap_result result)
{
    return result < 0 && result != ACAP_ERROR_FORKED;
}

napi_value throw_result(napi_env env, acap_result result)
{
    char text[1024] = "";
    if (result_has_text(result))
        snprintf(text, sizeof text, "%s", acap_last_error());
    napi_value error = make_error(env, result, NULL, text);
    if (error != NULL)
        napi_throw(env, error);
    return NULL;
}

napi_value throw_closed(napi_env env)
{
    napi_value error = make_error(env, ACAP_ERROR_INVALID_STATE, "ERR_ACAP_CLOSED", "this object was closed");
    if (error != NULL)
        napi_throw(env, error);
    return NULL;
}
