#!/bin/bash
# cmake --install, and the .deb that cpack makes: what is in them runs where it lies.
. "$(dirname "$0")/lib.sh"

tree=$(dirname "$DRTOOL")
[ -e "$tree/CMakeCache.txt" ] || skip "$DRTOOL does not lie in a build tree"
! is_instrumented || skip "packages are made of a release tree"
step "install"
cmake --install "$tree" --prefix "$T/usr" >"$T/log" || fail "$(tail "$T/log")"
version=$("$DRTOOL" version)
[ "$("$T/usr/bin/drtool" version)" = "$version" ] || fail "the installed drtool does not run"
for file in share/man/man1/drtool.1 share/bash-completion/completions/drtool share/doc/drtool/LICENSE; do
	[ -s "$T/usr/$file" ] || [ -s "$T/usr/$file.gz" ] || fail "$file is not installed"
done
step "package"
command -v dpkg-shlibdeps >/dev/null || skip "dpkg-dev is not installed"
(cd "$T" && cpack --config "$tree/CPackConfig.cmake" -B "$T/deb" >"$T/log" 2>&1) || fail "$(tail "$T/log")"
deb=$(find "$T/deb" -maxdepth 1 -name '*.deb')
[ -f "$deb" ] || fail "no package"
dpkg-deb --info "$deb" | grep -c 'Depends:.*libpq5' >/dev/null || fail "libpq5 is not among what it depends on: $(dpkg-deb --info "$deb")"
dpkg-deb -x "$deb" "$T/root"
[ "$("$T/root/usr/bin/drtool" version)" = "$version" ] || fail "the packaged drtool does not run"
server
shop shop 1
expect 0 "$T/root/usr/bin/drtool" snapshot dbname=shop --verify
