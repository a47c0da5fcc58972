<?php
// A backend: GET anything, and it says who called. MENSHEN_JWKS, MENSHEN_UPSTREAM, MENSHEN_CACHE.
declare(strict_types=1);
require_once __DIR__ . '/caller.php';

$user = menshen_caller(
    $_SERVER['HTTP_X_MENSHEN_ASSERTION'] ?? '',
    (string) getenv('MENSHEN_UPSTREAM'),
    (string) getenv('MENSHEN_JWKS'),
    (string) getenv('MENSHEN_CACHE')
);
http_response_code($user ? 200 : 403);
header('Content-Type: application/json');
echo json_encode($user ? ['uid' => $user['sub']] : ['reason' => 'assertion_invalid']);
