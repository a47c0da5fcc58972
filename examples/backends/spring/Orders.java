import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Import;
import org.springframework.security.core.annotation.AuthenticationPrincipal;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** A backend around it. Classes in a package of their own need no {@code @Import}. */
@EnableAutoConfiguration
@Import(MenshenSecurity.class)
@RestController
class Orders {
    @GetMapping("/")
    Map<String, String> caller(@AuthenticationPrincipal Jwt caller) {
        return Map.of("uid", caller.getSubject());
    }

    public static void main(String[] arguments) {
        SpringApplication.run(Orders.class, arguments);
    }
}
