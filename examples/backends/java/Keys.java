import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.AlgorithmParameters;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPublicKeySpec;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The gateway's keys: kept for 300 s, for 900 s where no newer ones can be had; an unknown kid fetches, at most every 5 s. */
final class Keys {
    private final HttpClient client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(3)).build();
    private final HttpRequest request;
    private Map<String, PublicKey> keys = Map.of();
    private long fetched = seconds() - 1000;
    private long tried = fetched;

    Keys(URI address) {
        request = HttpRequest.newBuilder(address).timeout(Duration.ofSeconds(3)).build();
    }

    /** The key of that name, or null. */
    synchronized PublicKey of(String kid) {
        if ((!keys.containsKey(kid) || seconds() - fetched > 300) && seconds() - tried > 5) {
            tried = seconds();
            try {
                keys = read(client.send(request, BodyHandlers.ofString()).body());
                fetched = seconds();
            } catch (Exception failure) {
                System.getLogger("menshen").log(System.Logger.Level.WARNING, "no JWK Set: " + failure.getClass());
            }
        }
        return seconds() - fetched > 900 ? null : keys.get(kid);
    }

    private static Map<String, PublicKey> read(String document) throws Exception {
        AlgorithmParameters curve = AlgorithmParameters.getInstance("EC");
        curve.init(new ECGenParameterSpec("secp256r1"));
        Map<String, PublicKey> found = new HashMap<>();
        for (Object member : (List<?>) Json.object(document).get("keys")) {
            Map<?, ?> key = (Map<?, ?>) member;
            if ("P-256".equals(key.get("crv"))) {
                ECPoint point = new ECPoint(number(key.get("x")), number(key.get("y")));
                ECPublicKeySpec spec = new ECPublicKeySpec(point, curve.getParameterSpec(ECParameterSpec.class));
                found.put((String) key.get("kid"), KeyFactory.getInstance("EC").generatePublic(spec));
            }
        }
        return found;
    }

    private static BigInteger number(Object text) {
        return new BigInteger(1, Base64.getUrlDecoder().decode((String) text));
    }

    private static long seconds() {
        return System.nanoTime() / 1_000_000_000L;
    }
}
