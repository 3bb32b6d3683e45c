# SPDX-License-Identifier: Apache-2.0
# fish completion for sallyport. Commands and options are read off the program's own help, so nothing here can grow stale.

function __sallyport_path --description 'The command and the subcommand typed so far'
    set -l path
    for word in (commandline -opc)[2..-1]
        string match -qr '^[a-z]' -- $word; and test (count $path) -lt 2; and set -a path $word
    end
    set -q path[1]; and printf '%s\n' $path
end

function __sallyport_follows --description 'Whether the word before is one of these options'
    contains -- (commandline -opc)[-1] $argv
end

function __sallyport_help --description 'WORD, tab, what it means: of the commands and options of a help text'
    env COLUMNS=1000 sallyport help (__sallyport_path) 2>/dev/null | sed -nE \
        -e '/^Commands:/,/^$/s/^  ([a-z][a-z-]*) +(.*)/\1\t\2/p' \
        -e 's/^ +(-[a-z], )?(--[a-z-]+)( [^ ]+)? +(.*)/\2\t\4/p;t' \
        -e 's/^ +(-[a-z], )?(--[a-z-]+).*/\2/p'
end

function __sallyport_causes
    env COLUMNS=1000 sallyport cause 2>/dev/null | string replace -rf '^ +([a-z_]+(?:\.[a-z0-9_]+)+) +(.*)$' '$1\t$2'
end

function __sallyport_faults
    env COLUMNS=1000 sallyport lab list 2>/dev/null | string replace -rf '^  ([a-z_]+(?:\.[a-z0-9_]+)+) +\S+ +\S+ +(.*)$' '$1\t$2'
end

function __sallyport_words
    set -l path (__sallyport_path)
    if __sallyport_follows --client-auth
        printf '%s\n' none client_secret_basic client_secret_post client_secret_jwt private_key_jwt tls_client_auth self_signed_tls_client_auth
    else if __sallyport_follows --secret-encoding
        printf '%s\n' raw base64 base64url
    else if __sallyport_follows --alg
        printf '%s\n' RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 ES256K EdDSA HS256 HS384 HS512
    else if __sallyport_follows --fault
        __sallyport_faults
    else if string match -qr '^-' -- (commandline -ct)
        __sallyport_help
    else if test "$path" = 'lab run'
        __sallyport_faults
    else if test "$path[1]" = cause
        __sallyport_causes
    else
        __sallyport_help
    end
end

function __sallyport_takes_files --description 'Behind a command that is no group files may stand'
    set -l path (__sallyport_path)
    set -q path[1]; and test "$path[1]" != cause
    and not sallyport help $path 2>/dev/null | string match -q 'Commands:'
    and not __sallyport_follows --client-auth --secret-encoding --alg --fault
end

complete -c sallyport -f -a '(__sallyport_words)'
complete -c sallyport -n __sallyport_takes_files -F
