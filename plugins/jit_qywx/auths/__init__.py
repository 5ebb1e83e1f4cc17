"""Family ``auths``: elements that hold credentials and say who somebody is."""
