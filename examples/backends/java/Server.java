import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.Map;
import java.util.concurrent.Executors;

/** A backend: GET anything, and it says who called. MENSHEN_JWKS, MENSHEN_UPSTREAM, PORT. */
final class Server {
    public static void main(String[] arguments) throws Exception {
        Keys keys = new Keys(URI.create(System.getenv("MENSHEN_JWKS")));
        String upstream = System.getenv("MENSHEN_UPSTREAM");
        int port = Integer.parseInt(System.getenv("PORT"));
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.setExecutor(Executors.newFixedThreadPool(4));
        server.createContext("/", exchange -> {
            Map<String, Object> caller = Caller.of(exchange.getRequestHeaders().get("X-Menshen-Assertion"), upstream, keys);
            String body = caller == null ? "{\"reason\":\"assertion_invalid\"}" : "{\"uid\":\"" + caller.get("sub") + "\"}";
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.sendResponseHeaders(caller == null ? 403 : 200, body.length());
            exchange.getResponseBody().write(body.getBytes());
            exchange.close();
        });
        server.start();
        System.out.println("ready http://127.0.0.1:" + server.getAddress().getPort());
    }
}
