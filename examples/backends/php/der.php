<?php
// Keys and signatures as OpenSSL wants them: in DER.
declare(strict_types=1);

function menshen_decoded(string $part): string
{
    return (string) base64_decode(strtr($part, '-_', '+/'), true);
}

/** The beginning of every public key on P-256 (RFC 5480), then the point. */
function menshen_pem(string $x, string $y): string
{
    $curve = hex2bin('3059301306072a8648ce3d020106082a8648ce3d03010703420004');
    $der = base64_encode($curve . menshen_decoded($x) . menshen_decoded($y));
    return "-----BEGIN PUBLIC KEY-----\n$der\n-----END PUBLIC KEY-----";
}

/** The two numbers of a signature, each as short as it can be; a first bit of 1 would be a minus sign. */
function menshen_signature(string $part): string
{
    $number = function (string $raw): string {
        $raw = ltrim($raw, "\0");
        $raw = $raw === '' || ord($raw) > 127 ? "\0$raw" : $raw;
        return "\x02" . chr(strlen($raw)) . $raw;
    };
    $numbers = implode(array_map($number, str_split(menshen_decoded($part), 32)));
    return "\x30" . chr(strlen($numbers)) . $numbers;
}
