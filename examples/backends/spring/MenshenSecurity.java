import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.oauth2.core.DelegatingOAuth2TokenValidator;
import org.springframework.security.oauth2.jose.jws.SignatureAlgorithm;
import org.springframework.security.oauth2.jwt.JwtClaimValidator;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtIssuerValidator;
import org.springframework.security.oauth2.jwt.JwtTimestampValidator;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.util.StringUtils;

/** Spring Boot with spring-boot-starter-oauth2-resource-server: the caller is {@code @AuthenticationPrincipal Jwt}. */
@Configuration
class MenshenSecurity {
    @Bean
    JwtDecoder decoder(@Value("${menshen.jwks}") String jwks, @Value("${menshen.upstream}") String upstream) {
        NimbusJwtDecoder decoder = NimbusJwtDecoder.withJwkSetUri(jwks).jwsAlgorithm(SignatureAlgorithm.ES256).build();
        decoder.setJwtValidator(new DelegatingOAuth2TokenValidator<>(
            new JwtTimestampValidator(Duration.ofSeconds(30)),
            new JwtClaimValidator<Instant>("exp", Objects::nonNull),
            new JwtClaimValidator<String>("sub", StringUtils::hasText),
            new JwtIssuerValidator("menshen"),
            new JwtClaimValidator<List<String>>("aud", List.of(upstream)::equals)));
        return decoder;
    }

    @Bean
    SecurityFilterChain onlyThroughTheGateway(HttpSecurity http) throws Exception {
        return http
            .authorizeHttpRequests(requests -> requests.anyRequest().authenticated())
            .sessionManagement(sessions -> sessions.sessionCreationPolicy(SessionCreationPolicy.STATELESS))
            .csrf(csrf -> csrf.disable()) // the assertion comes of no cookie
            .oauth2ResourceServer(server -> server
                .bearerTokenResolver(request -> request.getHeader("X-Menshen-Assertion"))
                .jwt(Customizer.withDefaults()))
            .build();
    }
}
