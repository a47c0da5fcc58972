import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.jwk.source.JWKSourceBuilder;
import com.nimbusds.jose.proc.JWSVerificationKeySelector;
import com.nimbusds.jose.proc.SecurityContext;
import com.nimbusds.jwt.proc.DefaultJWTProcessor;
import java.net.URL;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.oauth2.core.DelegatingOAuth2TokenValidator;
import org.springframework.security.oauth2.jwt.BadJwtException;
import org.springframework.security.oauth2.jwt.JwtClaimValidator;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.JwtException;
import org.springframework.security.oauth2.jwt.JwtIssuerValidator;
import org.springframework.security.oauth2.jwt.JwtTimestampValidator;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.util.StringUtils;

/** Spring Boot with spring-boot-starter-oauth2-resource-server: the caller is {@code @AuthenticationPrincipal Jwt}. */
@Configuration
class MenshenSecurity {
    @Bean
    JwtDecoder decoder(@Value("${menshen.jwks}") URL jwks, @Value("${menshen.upstream}") String upstream) {
        // Keys are asked for again after five minutes, and for an unknown kid at most twice in ten seconds.
        var keys = JWKSourceBuilder.create(jwks).cache(300_000, 15_000).rateLimited(10_000).build();
        var processor = new DefaultJWTProcessor<SecurityContext>();
        processor.setJWSKeySelector(new JWSVerificationKeySelector<>(JWSAlgorithm.ES256, keys));
        processor.setJWTClaimsSetVerifier((claims, context) -> { }); // the validators below do it
        var decoder = new NimbusJwtDecoder(processor);
        decoder.setJwtValidator(new DelegatingOAuth2TokenValidator<>(
            new JwtTimestampValidator(Duration.ofSeconds(30)),
            new JwtClaimValidator<Instant>("exp", Objects::nonNull),
            new JwtClaimValidator<Instant>("iat", made -> made != null && made.isBefore(Instant.now().plusSeconds(30))),
            new JwtClaimValidator<String>("sub", StringUtils::hasText),
            new JwtIssuerValidator("menshen"),
            new JwtClaimValidator<List<String>>("aud", List.of(upstream)::equals)));
        return token -> {
            try {
                return decoder.decode(token);
            } catch (JwtException error) { // without keys nobody passes either
                throw new BadJwtException("no assertion", error);
            }
        };
    }

    @Bean
    SecurityFilterChain onlyThroughTheGateway(HttpSecurity http) throws Exception {
        return http
            .authorizeHttpRequests(requests -> requests.anyRequest().authenticated())
            .sessionManagement(sessions -> sessions.sessionCreationPolicy(SessionCreationPolicy.STATELESS))
            .csrf(csrf -> csrf.disable()) // the assertion comes of no cookie
            .oauth2ResourceServer(server -> server
                .bearerTokenResolver(request -> {
                    var sent = Collections.list(request.getHeaders("X-Menshen-Assertion"));
                    return sent.size() == 1 ? sent.get(0) : null; // of two, one is not the gateway's
                })
                .authenticationEntryPoint((request, response, error) -> {
                    response.setStatus(403);
                    response.setContentType("application/json");
                    response.getWriter().print("{\"reason\": \"assertion_invalid\"}");
                })
                .jwt(jwt -> { }))
            .build();
    }
}
