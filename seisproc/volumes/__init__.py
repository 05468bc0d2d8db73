"""Surveys that do not come from SEG-Y: arrays in files, MDIO stores, crops of other surveys."""
