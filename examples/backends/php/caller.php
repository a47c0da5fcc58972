<?php
// Who calls: the claims of X-Menshen-Assertion, or null. PHP 8.1 or newer with openssl.
declare(strict_types=1);
require_once __DIR__ . '/keys.php';

function menshen_caller(string $sent, string $upstream, string $url, string $cache): ?array
{
    if (!preg_match('/^([\w-]{1,512})\.([\w-]{1,8000})\.([\w-]{85}[AQgw])$/D', $sent, $parts)) {
        return null;
    }
    [$header, $claims] = array_map(fn ($part) => json_decode(menshen_decoded($part), true), array_slice($parts, 1, 2));
    $kid = $header['kid'] ?? null;
    if (!is_string($kid) || count($header) !== 3 || [$header['alg'] ?? 0, $header['typ'] ?? 0] !== ['ES256', 'JWT']) {
        return null;
    }
    $key = menshen_key($kid, $url, $cache);
    $signature = menshen_signature($parts[3]);
    if ($key === null || openssl_verify("$parts[1].$parts[2]", $signature, $key, OPENSSL_ALGO_SHA256) !== 1) {
        return null;
    }
    $ours = ($claims['iss'] ?? '') === 'menshen' && ($claims['aud'] ?? '') === $upstream && !empty($claims['sub']);
    $timely = ($claims['iat'] ?? INF) <= time() + 30 && time() < ($claims['exp'] ?? 0) + 30;
    return $ours && $timely ? $claims : null;
}
