import { createPrivateKey } from 'node:crypto';

const certificate = [
  'MIIBjzCCATagAwIBAgIUC04wsCLcSMa8XuX6PR23H1v0qsYwCgYIKoZIzj0EAwIwFDESMBAGA1UEAwwJZmVlZC50ZXN0MCAX',
  'DTI2MTEyMzAzMDM1MloYDzIxMjYxMDMwMDMwMzUyWjAUMRIwEAYDVQQDDAlmZWVkLnRlc3QwWTATBgcqhkjOPQIBBggqhkjO',
  'PQMBBwNCAAQuXF203H92ZHRFfGbDL6UiZdnxrPeLQ+U/AWWbwG7s8297w+T13/AxNvi9oypvPfQ1gbdHvNgNY8pmn4zd1J7o',
  'o2QwYjAdBgNVHQ4EFgQUdepW2HLt/yFW7YlZXdGYALNDLHwwHwYDVR0jBBgwFoAUdepW2HLt/yFW7YlZXdGYALNDLHwwDwYD',
  'VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0cAMEQCIE4nEmrGXscUGfk9WO2ZZGj8IR0h8Sk+',
  'f1VIIWKQu4DKAiBxK7gqJ5EB0Rv+fHPgeUO7YxlL4GWRl0bJnpMSffNuIQ==',
].join('');

const jwk = {
  kty: 'EC',
  crv: 'P-256',
  x: 'LlxdtNx_dmR0RXxmwy-lImXZ8az3i0PlPwFlm8Bu7PM',
  y: 'b3vD5PXf8DE2-L2jKm899DWBt0e82A1jymafjN3Unug',
  d: '0Fy3FjnBE-QibIYLA3aMfdeTWNdQYat-xe2w6F43kCA',
};

/** A self-signed certificate for 127.0.0.1, valid until 2126, and its key. For tests only. */
export const selfSigned = {
  cert: `-----BEGIN CERTIFICATE-----\n${certificate}\n-----END CERTIFICATE-----\n`,
  key: createPrivateKey({ key: jwk, format: 'jwk' }).export({ type: 'pkcs8', format: 'pem' }),
};
