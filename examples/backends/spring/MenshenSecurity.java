import java.time.Instant;
import java.util.Collections;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.HttpStatus;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.oauth2.jwt.JwtClaimValidator;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.security.web.authentication.HttpStatusEntryPoint;
import org.springframework.util.StringUtils;

/** What application.properties cannot say. The caller is {@code @AuthenticationPrincipal Jwt}. */
@Configuration
class MenshenSecurity {
    @Bean
    SecurityFilterChain onlyThroughTheGateway(HttpSecurity http) throws Exception {
        return http
            .authorizeHttpRequests(requests -> requests.anyRequest().authenticated())
            .csrf(csrf -> csrf.disable()) // the assertion comes of no cookie
            .requestCache(cache -> cache.disable()) // or each refusal would begin a session
            .oauth2ResourceServer(server -> server
                .bearerTokenResolver(request -> { // of two, one is not the gateway's
                    var sent = String.join(",", Collections.list(request.getHeaders("X-Menshen-Assertion")));
                    return sent.isEmpty() ? null : sent;
                })
                .authenticationEntryPoint(new HttpStatusEntryPoint(HttpStatus.FORBIDDEN))
                .jwt(Customizer.withDefaults()))
            .build();
    }

    @Bean
    JwtClaimValidator<Instant> timely() { // five minutes, and 30 seconds for clocks that differ
        return new JwtClaimValidator<>("exp", end -> end != null
            && end.isAfter(Instant.now().minusSeconds(30)) && end.isBefore(Instant.now().plusSeconds(330)));
    }

    @Bean
    JwtClaimValidator<String> somebody() {
        return new JwtClaimValidator<>("sub", StringUtils::hasText);
    }
}
