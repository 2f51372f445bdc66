#!/bin/sh
# Makes the certificates of the Kafka tests anew, with OpenSSL, in this folder. They are public like
# everything in a repository: they protect nothing, and nothing outside the tests trusts them.
# Valid from 2020 for a hundred years, except server-expired.pem, which ended with 2020.
set -eu
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

certificate() { # certificate FILE NAME KEY EXTENSION YEAR-OF-END HOW-SIGNED…
  file=$1 name=$2 key=$3 extension=$4 end=$5
  shift 5
  : > "$scratch/index.txt"
  printf "%s\n" "[ca]" "database=$scratch/index.txt" rand_serial=yes policy=policy \
    default_md=sha256 \
    '[policy]' 'commonName=supplied' '[extensions]' "$extension" > "$scratch/ca.cnf"
  openssl req -new -key "$key" -subj "/CN=$name" -out "$scratch/request.pem"
  openssl ca -batch -notext -config "$scratch/ca.cnf" -name ca -extensions extensions \
    -startdate 20200101000000Z -enddate "${end}0101000000Z" -outdir "$scratch" \
    "$@" -in "$scratch/request.pem" -out "$scratch/$file" 2> "$scratch/said" || {
    cat "$scratch/said" >&2
    exit 1
  }
}

authority() { # authority FILE NAME
  key "$scratch/$1.key"
  certificate "$1" "$2" "$scratch/$1.key" 'basicConstraints=critical,CA:TRUE' 2120 \
    -selfsign -keyfile "$scratch/$1.key"
  mv "$scratch/$1" "$1"
}

signed() { # signed FILE NAME KEY EXTENSION YEAR-OF-END
  certificate "$@" -keyfile "$scratch/ca.pem.key" -cert ca.pem
}

server() { # server FILE YEAR-OF-END; Kafka's PEM key store is one file: key, then certificate
  key "$scratch/$1.key"
  signed "$1" localhost "$scratch/$1.key" 'subjectAltName=IP:127.0.0.1,DNS:localhost' "$2"
  cat "$scratch/$1.key" "$scratch/$1" > "$1"
}

authority ca.pem 'snimeter test authority'
authority other-ca.pem 'another test authority'
server server.pem 2120
server server-expired.pem 2021
key client-key.pem
signed client.pem client client-key.pem 'extendedKeyUsage=clientAuth' 2120
mv "$scratch/client.pem" client.pem
