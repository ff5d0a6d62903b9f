# To be sourced: whether a program without ICU's data cuts and folds words as one with them does.

write_unicode() { # file
    printf 'Straße STRASSE Ünder ünder Ωmega ωMEGA \xe4\xbd\xa0\xe5\xa5\xbd \xe2\x80\x94 na\xc3\xafve' >"$1"
}

tensors_of() { # safetensors file
    tail -c +"$((9 + $(od -An -tu8 -N8 "$1")))" "$1"
}

same_words() { # the data sets that two programs made of one text
    cmp <(tensors_of "$1") <(tensors_of "$2") || { echo "not so: words are cut and folded as with ICU's data"; return 1; }
}
