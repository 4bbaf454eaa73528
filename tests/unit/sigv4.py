#!/usr/bin/python3
"""sigv4.py SEED COUNT - signed requests with awkward names, by an implementation that shares nothing with ours

Written from the specification of Signature Version 4. One request a line, fields in hex and separated by blanks ("-"
is the empty field): access key, secret key, token, region, service, method, host, path, number of parameters, each
name and value, number of headers, each "Name: value", payload hash, seconds since 1970; then what must come out: target,
canonical request, Authorization.
"""
import hashlib
import hmac
import random
import sys
import time
import urllib.parse

AWKWARD = [
    "a", "B", "9", "-", "_", ".", "~", "/", " ", "+", "%", "%2F", "%25", "=", "&", "?", "#", ":", ";", "@", "!", "*",
    "'", "(", ")", "$", ",", "\\", '"', "<", ">", "[", "]", "{", "}", "|", "^", "`", "//", "..", "/./", "\t", "\x01",
    "\x7f", "ä", "é", "ሴ", "日", "😀", "\u200b",
]
METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE"]


def text(most, least=0):
    return "".join(random.choice(AWKWARD) for _ in range(random.randint(least, most)))


def quote(value, safe):
    return urllib.parse.quote(value.encode(), safe=safe)


def mac(key, value):
    return hmac.new(key, value.encode(), hashlib.sha256).digest()


def sign(r):
    date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(r["now"]))
    path = quote(r["path"], "/-_.~")
    query = "&".join("=".join(p) for p in sorted((quote(n, "-_.~"), quote(v, "-_.~")) for n, v in r["query"]))
    headers = {"host": r["host"], "x-amz-date": date}
    if r["service"] == "s3":
        headers["x-amz-content-sha256"] = r["payload"]
    if r["token"]:
        headers["x-amz-security-token"] = r["token"]
    for line in r["headers"]:
        name, value = line.split(":", 1)
        headers[name.lower()] = " ".join(value.split())
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        [r["method"], path, query] + [f"{n}:{headers[n]}" for n in sorted(headers)] + ["", names, r["payload"]])
    scope = "/".join([date[:8], r["region"], r["service"], "aws4_request"])
    to_sign = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + r["secret"]).encode()
    for part in scope.split("/"):
        key = mac(key, part)
    authorization = (f"AWS4-HMAC-SHA256 Credential={r['access']}/{scope}, SignedHeaders={names}, "
                     f"Signature={mac(key, to_sign).hex()}")
    target = path + ("?" + query if r["query"] else "")
    return [target, canonical, authorization]


def request():
    return {
        "access": random.choice(["AKIAEXAMPLE", "user:sub", "a/b+c="]),
        "secret": text(40, 1),
        "token": random.choice(["", "", "FwoGZXIvYXdzE//" + "tok+en=" * random.randint(1, 300)]),
        "region": random.choice(["us-east-1", "auto", "garage", "default"]),
        "service": random.choice(["s3", "s3", "s3", "sts"]),
        "method": random.choice(METHODS),
        "host": random.choice(["localhost:7480", "b.s3.amazonaws.com", "[::1]:9000"]),
        "path": "/" + text(30),
        "query": [(text(4, 1), text(6)) for _ in range(random.randint(0, 6))],
        "headers": [f"X-Amz-{n}:{' ' * random.randint(0, 3)}{v}{' ' * random.randint(0, 2)}"
                    for n, v in zip(random.sample(["Meta-A", "Meta-a-b", "Acl", "Range", "zz"], random.randint(0, 4)),
                                    ["x", "a  b", "bytes=0-9", "", "é"])],
        "payload": hashlib.sha256(text(5).encode()).hexdigest(),
        "now": random.randint(0, 4102444800),
    }


def fields(r):
    yield from (r["access"], r["secret"], r["token"], r["region"], r["service"], r["method"], r["host"], r["path"])
    yield str(len(r["query"]))
    for pair in r["query"]:
        yield from pair
    yield str(len(r["headers"]))
    yield from r["headers"]
    yield from (r["payload"], str(r["now"]))
    yield from sign(r)


if __name__ == "__main__":
    random.seed(int(sys.argv[1]))
    for _ in range(int(sys.argv[2])):
        print(" ".join(f.encode().hex() or "-" for f in fields(request())))
