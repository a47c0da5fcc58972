import java.nio.charset.StandardCharsets;
import java.security.PublicKey;
import java.security.Signature;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/** Who calls: the claims of X-Menshen-Assertion. Nothing but the JDK, 17.0.3 or newer: one before takes a signature of zeros. */
final class Caller {
    private static final Pattern COMPACT = Pattern.compile("[\\w-]{1,512}\\.[\\w-]{1,8000}\\.[\\w-]{85}[AQgw]");

    /** {@code sent} are all the values of the header. Null: nobody may be believed. */
    static Map<String, Object> of(List<String> sent, String upstream, Keys keys) {
        try {
            if (sent == null || sent.size() != 1 || !COMPACT.matcher(sent.get(0)).matches()) return null;
            String[] parts = sent.get(0).split("\\.");
            Map<String, Object> header = Json.object(text(parts[0]));
            if (!header.keySet().equals(Set.of("alg", "kid", "typ"))) return null;
            if (!"ES256".equals(header.get("alg")) || !"JWT".equals(header.get("typ"))) return null;
            PublicKey key = keys.of((String) header.get("kid"));
            if (key == null) return null;
            Signature signature = Signature.getInstance("SHA256withECDSAinP1363Format");
            signature.initVerify(key);
            signature.update((parts[0] + "." + parts[1]).getBytes(StandardCharsets.US_ASCII));
            if (!signature.verify(Base64.getUrlDecoder().decode(parts[2]))) return null;
            Map<String, Object> claims = Json.object(text(parts[1]));
            long now = Instant.now().getEpochSecond();
            boolean timely = (Long) claims.get("iat") <= now + 30 && now < (Long) claims.get("exp") + 30;
            boolean ours = "menshen".equals(claims.get("iss")) && upstream.equals(claims.get("aud"));
            return timely && ours && claims.get("sub") instanceof String uid && !uid.isEmpty() ? claims : null;
        } catch (Exception | StackOverflowError forged) {
            return null;
        }
    }

    private static String text(String part) {
        return new String(Base64.getUrlDecoder().decode(part), StandardCharsets.UTF_8);
    }
}
