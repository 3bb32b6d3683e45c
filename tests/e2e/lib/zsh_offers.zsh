# SPDX-License-Identifier: Apache-2.0
# zsh -f zsh_offers.zsh FOLDER LINE: what TAB behind LINE offers, a row each, asked of an interactive zsh that finds its
# completions in FOLDER. What each compadd would add is printed on its way.
zmodload zsh/zpty
zpty shell zsh -f -i
tell() { zpty -w shell "$1" }
tell "fpath=(${(q)1} \$fpath); PS1= PS2=; stty -echo; autoload -Uz compinit && compinit -u -D"
tell 'compadd() { local -a offered; [[ " ${argv[1,(i)--]} " == *" -"[AOD]" "* ]] || { builtin compadd -O offered "$@"; print; print -rl -- "OFFER "${^offered} }; builtin compadd "$@" }'
tell 'enough() { print; print -r -- ENOUGH; exit }; comppostfuncs=(enough); bindkey "^I" complete-word; print -r -- RE""ADY'
zpty -r shell seen '*READY*'
zpty -w -n shell "$2"$'\t'
while zpty -r shell row; do
    row=${row%%[$'\r\n']*}
    [[ $row == ENOUGH ]] && break
    [[ $row == 'OFFER '* ]] && print -r -- "${row#OFFER }"
done
