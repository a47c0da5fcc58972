<?php
// Who calls: the claims of X-Menshen-Assertion, or null. PHP 8.1 or newer with openssl.
declare(strict_types=1);
require_once __DIR__ . '/keys.php';

function menshen_caller(string $assertion, string $upstream, string $url, string $cache): ?array
{
    if (!preg_match('/^([\w-]{1,512})\.([\w-]{1,8000})\.([\w-]{85}[AQgw])$/D', $assertion, $parts)) {
        return null;
    }
    [$head, $body, $signature] = array_map('menshen_decoded', array_slice($parts, 1));
    $header = json_decode($head, true);
    if (!is_array($header) || count($header) !== 3 || !is_string($kid = $header['kid'] ?? null)
        || ($header['alg'] ?? '') !== 'ES256' || ($header['typ'] ?? '') !== 'JWT') {
        return null;
    }
    // OpenSSL wants the two numbers of the signature in DER; a first bit of 1 would be a minus sign there.
    $number = fn (string $raw): string => ltrim($raw, "\0") === '' || ord(ltrim($raw, "\0")) > 127
        ? "\0" . ltrim($raw, "\0") : ltrim($raw, "\0");
    [$r, $s] = array_map($number, str_split($signature, 32));
    $der = "\x30" . chr(strlen($r . $s) + 4) . "\x02" . chr(strlen($r)) . $r . "\x02" . chr(strlen($s)) . $s;
    $key = menshen_key($kid, $url, $cache);
    if ($key === null || openssl_verify("$parts[1].$parts[2]", $der, $key, OPENSSL_ALGO_SHA256) !== 1) {
        return null;
    }
    $claims = json_decode($body, true);
    $ours = ($claims['iss'] ?? '') === 'menshen' && ($claims['aud'] ?? '') === $upstream && !empty($claims['sub']);
    $timely = ($claims['iat'] ?? INF) <= time() + 30 && time() < ($claims['exp'] ?? 0) + 30;
    return $ours && $timely ? $claims : null;
}
