/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/rewrite_phase.h"

/* A build without it has nothing to warn of. */
extern ngx_module_t ngx_http_rewrite_module __attribute__((weak));

/* The directives of one location, compiled: records of several sizes, each a multiple of a pointer's and beginning with
 * its function. Nothing else in them is the address of that function. */
static const char *directive_at(const ngx_http_script_code_pt *code)
{
    if (*code == ngx_http_script_return_code) {
        return "return";
    }
#if (NGX_PCRE)
    if (*code == ngx_http_script_regex_start_code && ((const ngx_http_script_regex_code_t *)code)->redirect) {
        return "rewrite";
    }
#endif
    return NULL;
}

/* NULL: it leaves the answer to others. The module's own type is private to nginx; its first member are the codes. */
static const char *answering_directive(const ngx_array_t *codes)
{
    if (codes == NULL) {
        return NULL;
    }
    const ngx_http_script_code_pt *code = codes->elts;
    const char *directive = NULL;
    for (size_t i = 0; i < codes->nelts * codes->size / sizeof *code && directive == NULL; i++) {
        directive = directive_at(&code[i]);
    }
    return directive;
}

void sp_rewrite_phase_check(ngx_conf_t *cf, bool is_said_here)
{
    if (&ngx_http_rewrite_module == NULL) {
        return;
    }
    const ngx_http_core_loc_conf_t *location = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    ngx_array_t *const *rewrite = ngx_http_conf_get_module_loc_conf(cf, ngx_http_rewrite_module);
    const char *directive = answering_directive(*rewrite);
    if (directive == NULL || (location->name.len == 0 && !is_said_here)) {
        return;
    }
    ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                       "sallyport: \"%s\" in %s%V answers without a judgement, for nginx runs it before anybody is "
                       "asked for a token; put it into a location of its own, with \"sallyport off\" if that is meant",
                       directive, location->name.len == 0 ? "a server with \"sallyport on\"" : "the guarded location ",
                       &location->name);
}
