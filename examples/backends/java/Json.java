import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** As much JSON as a JWT and a JWK Set need; where there is a library, use that. All but JSON is an exception. */
final class Json {
    private final String text;
    private int at;

    private Json(String text) {
        this.text = text;
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> object(String text) {
        Json json = new Json(text);
        Object value = json.value();
        if (json.next() != 0) throw new IllegalArgumentException();
        return (Map<String, Object>) value;
    }

    private Object value() {
        char first = next();
        if (first == '{') {
            Map<String, Object> members = new LinkedHashMap<>();
            for (at++; next() != '}'; comma('}')) {
                String name = string();
                take(':');
                if (members.put(name, value()) != null) throw new IllegalArgumentException();
            }
            at++;
            return members;
        }
        if (first == '[') {
            List<Object> items = new ArrayList<>();
            for (at++; next() != ']'; comma(']')) items.add(value());
            at++;
            return items;
        }
        return first == '"' ? string() : (Object) number();
    }

    private String string() {
        take('"');
        StringBuilder found = new StringBuilder();
        for (; text.charAt(at) != '"'; at++) {
            if (text.charAt(at) != '\\') {
                found.append(text.charAt(at));
            } else if (text.charAt(++at) == 'u') {
                found.append((char) Integer.parseInt(text.substring(at + 1, at + 5), 16));
                at += 4;
            } else {
                int escape = "bfnrt\"\\/".indexOf(text.charAt(at));
                found.append("\b\f\n\r\t\"\\/".charAt(escape));
            }
        }
        at++;
        return found.toString();
    }

    private Long number() {
        int start = at;
        while (at < text.length() && "-0123456789".indexOf(text.charAt(at)) >= 0) at++;
        return Long.valueOf(text.substring(start, at));
    }

    private void comma(char end) {
        if (next() != end) take(',');
    }

    private void take(char expected) {
        if (next() != expected) throw new IllegalArgumentException();
        at++;
    }

    private char next() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
        return at < text.length() ? text.charAt(at) : 0;
    }
}
