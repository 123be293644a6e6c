"""A page that opens an EventSource and a WebSocket and reports what they said. Prints its port, then the report.
Arguments: certificate, key, the port of the WebSocket where it is not the page's."""
import http.server
import ssl
import sys
import time

PAGE = """<!doctype html><title>streams</title><script>
const said = [];
const note = (text) => { said.push(text); if (said.length == 5) fetch("/report?" + encodeURIComponent(said.sort().join(","))); };
const events = new EventSource("/events");
events.onmessage = (event) => note("event " + event.data);
const socket = new WebSocket("wss://localhost:" + ("%s" || location.port) + "/chat");
socket.onopen = () => { socket.send("hello"); socket.send(new Uint8Array(70000)); };
socket.onmessage = (event) => note("socket " + (event.data.size || event.data));
</script>"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b""
        kind = "text/html"
        if self.path == "/events":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            for n in range(3):
                self.wfile.write(b"data: %d\n\n" % n)
                self.wfile.flush()
                time.sleep(0.05)
            self.rfile.read(1)
            return
        if self.path == "/":
            body = (PAGE % sys.argv[3]).encode()
        elif self.path.startswith("/report?"):
            print(self.path, flush=True)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *args):
        pass


server = Server(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(*sys.argv[1:3])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
