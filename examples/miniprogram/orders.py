"""The backend of the example mini program: everybody's own orders, in memory. Python alone, no package.

It knows no platform, no AppSecret and no session: Menshen says who calls in ``X-Menshen-User``, and takes away whatever
a client sends under that name. Only the gateway reaches it, on this machine's loopback. A backend that others can reach
verifies ``X-Menshen-Assertion``, as the one of docs/tutorial.md does.

    python orders.py [PORT]        9001 by default
"""

import contextlib
import json
import sys
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

PRICE = 8800  # in fen
MOST_BYTES = 4096

orders = defaultdict(list)
numbers = count(20261128001)


class Orders(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if user := self.caller():
            self.answer(200, {"orders": orders[user][::-1]})

    def do_POST(self):
        goods = self.goods()
        if user := self.caller():
            if not goods:
                self.answer(400, {"error": "goods?"})
                return
            order = {"id": str(next(numbers)), "goods": goods, "amount": PRICE, "status": "paid"}
            orders[user].append(order)
            self.answer(201, order)

    def goods(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(min(length, MOST_BYTES))
        self.close_connection = length > MOST_BYTES
        try:
            goods = json.loads(body)["goods"]
        except (ValueError, KeyError, TypeError):
            return ""
        return goods[:64] if isinstance(goods, str) else ""

    def caller(self):
        user = self.headers.get("X-Menshen-User")
        if self.path != "/mall/orders":
            self.answer(404, {"error": "no such page"})
        elif not user:
            self.answer(403, {"error": "not from the gateway"})
        else:
            return user
        return None

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 9001), Orders)
    print(f"ready http://127.0.0.1:{server.server_port}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
