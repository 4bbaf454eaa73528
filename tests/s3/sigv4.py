"""Signature Version 4 for S3, from Amazon's description of it: what the store of these tests checks and their client signs with.

Written apart from drtool's own signing on purpose: two readings of one text must agree.
"""
import hashlib
import hmac
from urllib.parse import quote, unquote_to_bytes

EMPTY = hashlib.sha256(b"").hexdigest()


def encode(data, safe=""):
    """UriEncode: every byte but the unreserved ones, hex digits in upper case."""
    return quote(data, safe="-._~" + safe)


def canonical_query(raw):
    """The query as received, each part encoded as the rules want it and all of them sorted."""
    pairs = []
    for part in raw.split("&") if raw else []:
        name, _, value = part.partition("=")
        pairs.append((encode(unquote_to_bytes(name)), encode(unquote_to_bytes(value))))
    return "&".join("%s=%s" % pair for pair in sorted(pairs))


def canonical_request(method, raw_path, raw_query, headers, signed, payload_hash):
    """headers: (name, value) pairs as received; signed: the lower-case names in SignedHeaders' order."""
    lines = []
    for name in signed:
        values = [" ".join(value.split()) for n, value in headers if n.lower() == name]
        lines.append("%s:%s\n" % (name, ",".join(values)))
    return "\n".join((method, raw_path, canonical_query(raw_query), "".join(lines), ";".join(signed), payload_hash))


def signature(secret, date, scope, request):
    """date: 20260501T120000Z; scope: 20260501/region/s3/aws4_request"""
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = "\n".join(("AWS4-HMAC-SHA256", date, scope, hashlib.sha256(request.encode("latin-1")).hexdigest()))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
