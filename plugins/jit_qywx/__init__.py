"""WeCom (企业微信): the organisations of enterprises that authorised a proxied app (服务商代开发)."""
