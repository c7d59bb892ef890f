"""A fourth server, as small as it can be and still be measured: two routes of the contract, and the two promises.

`python3 fourth.py 9000`. A thread for each connection, from Python's standard library.
"""

import json
import re
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Fourth(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open
    # Head and body in one write: as two, the second waits for the client's delayed ACK, and `lab` shows it at once.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self):
        wait = re.fullmatch(r"/wait/([0-9]+|[0-9]+\.[0-9]{1,9})", self.path)
        if self.path == "/plaintext":
            self.answer("text/plain; charset=utf-8", b"Hello, World!")
        elif wait and (seconds := float(wait[1])) <= 60:
            time.sleep(seconds)
            message = f"Waited for {seconds:.9f}".rstrip("0").rstrip(".") + " seconds!"
            body = json.dumps({"message": message}, separators=(",", ":"))
            self.answer("application/json", body.encode())
        else:
            status = 422 if wait else 404
            self.answer("application/problem+json", b'{"status":%d}' % status, status)

    def answer(self, media_type, body, status=200):
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 4096
    daemon_threads = True

    def handle_error(self, *_):
        pass  # clients may leave when they like


server = Server(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Fourth)
# The first promise: whoever started it reads where it is.
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
# The second: told to end, it ends.
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
