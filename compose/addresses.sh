# shellcheck shell=sh
# Lists of addresses as nginx's configuration wants them; sourced by setup.sh and deploy.sh.

# around <before> <addresses, separated by commas> <behind>: each address or network between the two.
around() {
    for address in $(printf '%s' "$2" | tr ',' ' '); do
        case $address in
        *[!0-9a-fA-F.:/]* | /* | */ | */*/*)
            echo "$address is no address and no network, such as 198.51.100.7 or 2001:db8::/32" >&2
            return 2
            ;;
        esac
        printf '%s%s%s' "$1" "$address" "$3"
    done
}
operators() { around '' "$1" ' 1; '; }
front_proxies() { around 'set_real_ip_from ' "$1" '; '; }
