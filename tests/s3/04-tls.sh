#!/bin/bash
# Certificates: trusted only when an authority named says so and the host is the one asked for.
. "$(dirname "$0")/lib.sh"

server
shop shop 1
certificates "$T/tls"
fake --tls "$T/tls/good.pem" "$T/tls/good.key"

step "an authority that is not trusted"
fails 1 certificate 127.0.0.1 -- drtool snapshot "dbname=shop"
fails 1 certificate -- drtool list
[ ! -s "$FAKE/log" ] || fail "a request was made: $(cat "$FAKE/log")"

step "the authority named: by AWS_CA_BUNDLE, by an option, in drtool.yml"
export AWS_CA_BUNDLE=$T/tls/ca.pem
snapshot shop
good=$ID
verify_ok "$good"
unset AWS_CA_BUNDLE
expect 0 drtool list --s3-ca-file "$T/tls/ca.pem"
fails 2 /nonexistent -- drtool list --s3-ca-file /nonexistent.pem

step "a certificate of another host"
export AWS_CA_BUNDLE=$T/tls/ca.pem
fake --tls "$T/tls/wrong.pem" "$T/tls/wrong.key"
fails 1 certificate 127.0.0.1 -- drtool list
fails 1 certificate -- drtool snapshot "dbname=shop"
[ ! -s "$FAKE/log" ] || fail "a request was made: $(cat "$FAKE/log")"

step "https where http is spoken"
fake
export AWS_ENDPOINT_URL=${AWS_ENDPOINT_URL/http:/https:}
fails 1 127.0.0.1 -- drtool list
no_processes
