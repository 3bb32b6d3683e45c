# SPDX-License-Identifier: Apache-2.0
# bash completion for sallyport. Commands and options are read off the program's own help, so nothing here can grow stale.

_sallyport_words() { # PATH… → commands, options
    COLUMNS=1000 sallyport help "$@" 2>/dev/null | sed -nE \
        -e '/^Commands:/,/^$/s/^  ([a-z][a-z-]*) .*/\1/p' \
        -e 's/^ +(-[a-z], )?(--[a-z-]+).*/\2/p'
}

_sallyport() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} word
    local path=()
    case $previous in
        -c | --config | --jwks | --key | --other-issuer | --ca | --client-cert | --client-key | --client-secret-file | --assertion-key | --dpop | --refresh-token-file | --subject-token-file | --actor-token-file | --keylog | --html | --har | --junit | --log) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --state | --cache) mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
        --secret-encoding) mapfile -t COMPREPLY < <(compgen -W 'raw base64 base64url' -- "$current"); return ;;
        --client-auth) mapfile -t COMPREPLY < <(compgen -W 'none client_secret_basic client_secret_post client_secret_jwt private_key_jwt tls_client_auth self_signed_tls_client_auth' -- "$current"); return ;;
        --alg) mapfile -t COMPREPLY < <(compgen -W 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 ES256K EdDSA HS256 HS384 HS512' -- "$current"); return ;;
    esac
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        [[ $word == [a-z]* && ${#path[@]} -lt 2 ]] && path+=("$word")
    done
    if [[ $previous == --fault || ( "${path[*]}" == 'lab run' && $current != -* ) ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(COLUMNS=1000 sallyport lab list 2>/dev/null | sed -nE 's/^  ([a-z_]+(\.[a-z_]+)+) .*/\1/p')" -- "$current")
        return
    fi
    if [[ ${path[0]:-} == cause ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(COLUMNS=1000 sallyport cause 2>/dev/null | sed -nE 's/^ *([a-z_]+(\.[a-z_]+)+).*/\1/p')" -- "$current")
        return
    fi
    mapfile -t COMPREPLY < <(compgen -W "$(_sallyport_words "${path[@]}")" -- "$current")
    [[ ${#COMPREPLY[@]} -gt 0 || ${#path[@]} -eq 0 ]] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
}
complete -o filenames -o bashdefault -F _sallyport sallyport
