#!/usr/bin/python3
"""credential_server.py - what gives out keys: STS, the agent of a container, instance metadata; for tests

Listens on a free port of 127.0.0.1, prints it, and serves until its input ends. The first part of the path says which
service, the second how it behaves. Every set of keys has a number, which grows. GET /count answers with the last one;
GET /last with what the last request to STS was (action, role and so on).
"""
import datetime
import hashlib
import http.server
import json
import sys
import threading
import time
import urllib.parse

sys.dont_write_bytecode = True
import sigv4  # noqa: E402

lock = threading.Lock()
state = {"count": 0, "last": "", "calls": {}}

HOSTILE_JSON = [
    b"", b"hushSecret", b"{", b"[]", b"null", b'"hushSecret"', b'{"AccessKeyId":hushSecret}',
    b'{"AccessKeyId":"A","SecretAccessKey":"hushSecret"', b'{"AccessKeyId":"A"}', b'{"SecretAccessKey":"hushSecret"}',
    b'{"AccessKeyId":1,"SecretAccessKey":"hushSecret"}', b'{"AccessKeyId":"A\\nB","SecretAccessKey":"hushSecret"}',
    b'{"AccessKeyId":"A","SecretAccessKey":"hush\\u0000Secret"}', b'{"AccessKeyId":"A","SecretAccessKey":"hush Secret"}',
    b'{"AccessKeyId":"A","SecretAccessKey":"hushSecret","Token":"hush\\r\\nX: y"}',
    b'{"AccessKeyId":"A","SecretAccessKey":"hushSecret","Expiration":"hushSoon"}',
    b'{"AccessKeyId":"A","AccessKeyId":"B","SecretAccessKey":"hushSecret"}',
    b'{"AccessKeyId":"A","SecretAccessKey":"hushSecret\xff"}', b"[" * 5000,
    b'{"AccessKeyId":"A","SecretAccessKey":"' + b"hushSecret" * 500 + b'"}', b'{"a":"' + b"hush" * 20000 + b'"}',
    b'{"Code":"hushFailed ","AccessKeyId":"A","SecretAccessKey":"hushSecret"}',
]
CREDENTIALS = b"<R><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>hushSecret</SecretAccessKey>%s</R>"
HOSTILE_XML = [
    b"", b"hushSecret", b"<R>", b"<R/>", b"<html>hush</html>", CREDENTIALS % b"",
    CREDENTIALS % b"<Expiration>hushSoon</Expiration></Credentials>",
    CREDENTIALS % b"<SessionToken>hush token</SessionToken></Credentials>",
    CREDENTIALS % (b"<SessionToken>" + b"hush" * 5000 + b"</SessionToken></Credentials>"),
    b'<!DOCTYPE R [<!ENTITY a "hush">]>' + CREDENTIALS % b"<SessionToken>&a;</SessionToken></Credentials>",
    b"<a>" * 50, b"<a>" * 40000,
]


def number(name):
    """How often name has been asked for so far, this time included."""
    with lock:
        state["calls"][name] = state["calls"].get(name, 0) + 1
        return state["calls"][name]


def new_keys():
    with lock:
        state["count"] += 1
        n = state["count"]
    return f"AKIA{n}", f"hushSecret{n}", f"hushToken{n}"


def after(seconds):
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=float(seconds))
    return end.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b""):
        body = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp=None):
        """The hour of a server whose clock is ahead."""
        return super().date_time_string((timestamp or time.time()) + (3600 if "/skew" in self.path else 0))

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def json_keys(self, life):
        access, secret, token = new_keys()
        self.answer(200, json.dumps({"Code": "Success", "AccessKeyId": access, "SecretAccessKey": secret,
                                     "Token": token, "Expiration": after(life)}))

    # /container/MODE/ARGUMENT
    def container(self, mode, argument):
        if mode == "life":
            return self.json_keys(argument)
        if mode == "skew":  # for so long by the clock of a server that is an hour ahead
            return self.json_keys(3600 + float(argument))
        if mode == "auth":
            return self.json_keys(3600) if self.headers.get("Authorization") == argument else self.answer(401, "hushWhat")
        if mode == "once":  # keys for that long, then nothing but failures
            return self.json_keys(argument) if number(self.path) == 1 else self.answer(500)
        if mode == "slow":  # keys for that long at once, others after a while
            if number(self.path) > 1:
                time.sleep(1.5)
            return self.json_keys(argument)
        if mode == "busy":  # so many failures first
            return self.answer(503) if number(self.path) <= int(argument) else self.json_keys(3600)
        if mode == "same":
            return self.answer(200, '{"AccessKeyId":"AKIAsame","SecretAccessKey":"hushSecret","Expiration":"%s"}' % after(3600))
        if mode == "hostile":
            return self.answer(200, HOSTILE_JSON[int(argument)])
        return self.answer(404, "hushNothing")

    # /imds/MODE/latest/...
    def imds(self, mode, path):
        if mode == "hang" or (mode == "hanglater" and self.command == "GET"):
            time.sleep(20)
            return None
        if mode == "old":
            return self.answer(404)
        if self.command == "PUT":
            ttl = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
            return self.answer(200 if ttl == "21600" else 400, "hushSession==")
        if self.headers.get("X-aws-ec2-metadata-token") != "hushSession==":
            return self.answer(401)
        if path == "latest/meta-data/iam/security-credentials/":
            return self.answer(404) if mode == "norole" else self.answer(200, "my-role\n")
        if path != "latest/meta-data/iam/security-credentials/my-role":
            return self.answer(404)
        if mode == "refused":
            return self.answer(200, '{"Code":"AssumeRoleUnauthorizedAccess","Message":"hush"}')
        return self.json_keys(3600)

    def signed_right(self, form):
        """Is it signed with the keys that go with its access key? Ours are hushBase, and what was given out here."""
        authorization = self.headers["Authorization"] or ""
        access = authorization.partition("Credential=")[2].partition("/")[0]
        token = self.headers.get("x-amz-security-token") or ""
        secret = "hushBase" if access == "AKIABASE" else "hushSecret" + access[4:]
        if access != "AKIABASE" and token != "hushToken" + access[4:]:
            return False
        now = datetime.datetime.strptime(self.headers["x-amz-date"], "%Y%m%dT%H%M%SZ")
        expected = sigv4.sign({
            "access": access, "secret": secret, "token": token, "region": "eu-west-1", "service": "sts",
            "method": "POST", "host": self.headers["Host"], "path": self.path, "query": [],
            "headers": ["Content-Type: " + self.headers["Content-Type"]],
            "payload": hashlib.sha256(form).hexdigest(),
            "now": now.replace(tzinfo=datetime.timezone.utc).timestamp(),
        })
        return authorization == expected[2]

    # /sts/MODE/ARGUMENT/
    def sts(self, mode, argument):
        form = self.body()
        values = dict(urllib.parse.parse_qsl(form.decode(), strict_parsing=True))
        with lock:
            state["last"] = " ".join(f"{k}={values[k]}" for k in sorted(values) if k != "Version")
        if mode == "busy" and number(self.path) <= int(argument):
            return self.answer(503, "<ErrorResponse><Error><Code>ServiceUnavailable</Code></Error></ErrorResponse>")
        if mode == "repeat":  # what was sent, in the message
            return self.answer(400, "<ErrorResponse><Error><Code>Bad</Code><Message>not %s</Message></Error></ErrorResponse>"
                                    % (values.get("WebIdentityToken") or self.headers["x-amz-security-token"]))
        if mode == "skew":
            signed = datetime.datetime.strptime(self.headers["x-amz-date"], "%Y%m%dT%H%M%SZ")
            signed = signed.replace(tzinfo=datetime.timezone.utc).timestamp()
            if abs(signed - time.time() - 3600) > 900:
                return self.answer(403, "<ErrorResponse><Error><Code>RequestExpired</Code></Error></ErrorResponse>")
        if mode == "denied":
            return self.answer(403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error>"
                                    "<RequestId>hush</RequestId></ErrorResponse>")
        if mode == "hostile":
            return self.answer(200, HOSTILE_XML[int(argument)])
        if values["Action"] == "AssumeRole" and not self.signed_right(form):
            return self.answer(403, "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>")
        access, secret, token = new_keys()
        return self.answer(200, f"""<{values['Action']}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
            <{values['Action']}Result><Credentials><SessionToken>{token}</SessionToken><SecretAccessKey>{secret}
</SecretAccessKey><Expiration>{after(3600)}</Expiration><AccessKeyId>{access}</AccessKeyId></Credentials>
            </{values['Action']}Result></{values['Action']}Response>""".replace("\n</Secret", "</Secret"))

    def do_GET(self):
        service, _, rest = self.path[1:].partition("/")
        mode, _, argument = rest.partition("/")
        if self.path == "/count":
            self.answer(200, str(state["count"]))
        elif self.path == "/last":
            self.answer(200, state["last"])
        elif self.path == "/sizes":
            self.answer(200, f"{len(HOSTILE_JSON)} {len(HOSTILE_XML)}")
        elif service == "container":
            self.container(mode, urllib.parse.unquote(argument))
        elif service == "imds":
            self.imds(mode, argument)
        elif service == "sts" and self.command == "POST":
            self.sts(mode, argument.strip("/"))
        else:
            self.answer(404)

    do_PUT = do_POST = do_GET


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
