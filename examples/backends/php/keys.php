<?php
// The gateway's public keys as PEM, by kid: kept in a file for 300 s, for 900 s where no newer ones can be had; an
// unknown kid fetches, at most every 5 s. MENSHEN_CACHE is a directory that nobody but PHP can write to.
declare(strict_types=1);
require_once __DIR__ . '/der.php';

function menshen_key(string $kid, string $url, string $cache): ?string
{
    clearstatcache();
    $age = fn (string $file): float => is_file($file) ? time() - filemtime($file) : INF;
    [$kept, $tried] = ["$cache/menshen-jwks.json", "$cache/menshen-jwks.tried"];
    $keys = menshen_keys((string) @file_get_contents($kept));
    if ((!isset($keys[$kid]) || $age($kept) > 300) && $age($tried) >= 5) {
        touch($tried);
        $http = ['timeout' => 3, 'follow_location' => 0, 'max_redirects' => 0];
        $set = @file_get_contents($url, false, stream_context_create(['http' => $http]), 0, 65536);
        if ($set !== false && menshen_keys($set)) {
            file_put_contents("$kept." . getmypid(), $set);
            rename("$kept." . getmypid(), $kept); // never half a file
            $keys = menshen_keys($set);
            clearstatcache();
        }
    }
    return $age($kept) > 900 ? null : $keys[$kid] ?? null;
}

/** By kid, those on P-256. */
function menshen_keys(string $set): array
{
    $keys = [];
    foreach (json_decode($set, true)['keys'] ?? [] as $key) {
        if (($key['crv'] ?? '') === 'P-256') {
            $keys[$key['kid']] = menshen_pem($key['x'], $key['y']);
        }
    }
    return $keys;
}
