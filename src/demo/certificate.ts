/**
 * A key and a certificate for the TLS server of the demo and the tests, self-signed, valid for a
 * hundred years. Public like everything in a repository: it protects nothing, and nothing trusts it.
 */
export const DEMO_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg0GZuRZTMFuLpRnL1
ZR2As1TazPRr0YqH9nseChh9WjihRANCAASKYWDZP6j7SHhEI/fRmhL++ha2kZbi
iNbDdl0/3W40nWtswpFasN4CIw/wxs55u11xK/aB7l3OGWaUaUQqfahC
-----END PRIVATE KEY-----
`

export const DEMO_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBvzCCAWWgAwIBAgIUNykpIG8i2UuTUqBXJL7+1mDFQ/cwCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNc25pbWV0ZXIgZGVtbzAgFw0yNjExMjQxOTAxMTFaGA8yMTI2
MTAzMTE5MDExMVowGDEWMBQGA1UEAwwNc25pbWV0ZXIgZGVtbzBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABIphYNk/qPtIeEQj99GaEv76FraRluKI1sN2XT/dbjSd
a2zCkVqw3gIjD/DGznm7XXEr9oHuXc4ZZpRpRCp9qEKjgYowgYcwHQYDVR0OBBYE
FKBN56+Xk74NtLwRgrGzNeD8dm/zMB8GA1UdIwQYMBaAFKBN56+Xk74NtLwRgrGz
NeD8dm/zMA8GA1UdEwEB/wQFMAMBAf8wNAYDVR0RBC0wK4IeKi5vc3MtY24tc2hh
bmdoYWkuYWxpeXVuY3MuY29tgglsb2NhbGhvc3QwCgYIKoZIzj0EAwIDSAAwRQIg
K/yMs1U8gNokTG3HLw0FON4CKGnOWHkSuekBNbBSX4ECIQDoSQSy1jBe/bgcJMps
RfnGzZxng+5HdsMLU78mXtTaxg==
-----END CERTIFICATE-----
`
